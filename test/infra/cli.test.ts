import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, describe, test } from 'vitest';
import { defaultStreams as streams } from '../../functions/streams/list.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'collector-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a command of the project's own as someone without credentials or a network would. */
async function run([command = '', ...options]: string[], environment: NodeJS.ProcessEnv = {}) {
  const bin = join(root, 'node_modules', '.bin');
  const nowhere = 'http://127.0.0.1:9';
  const child = spawn(join(bin, command), options, {
    cwd: root,
    env: {
      PATH: [bin, process.env.PATH].join(delimiter),
      HOME: folder,
      HTTP_PROXY: nowhere,
      HTTPS_PROXY: nowhere,
      AWS_EC2_METADATA_DISABLED: 'true',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await exited, stdout, stderr };
}

const synth = (out: string, ...options: string[]) =>
  run(['cdk', 'synth', '--quiet', '--output', out, ...options]);

describe.concurrent('cdk synth', { timeout: 120_000 }, () => {
  test('needs neither credentials nor a network', async ({ expect }) => {
    const out = join(folder, 'good');
    const { code, stdout, stderr } = await synth(out, '-c', 'stackName=Team', '-c', 'overlapMinutes=15');
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' });
    const template = JSON.parse(readFileSync(join(out, 'Team.template.json'), 'utf8'));
    const polls = Object.values<{ Type: string; Properties: Record<string, unknown> }>(
      template.Resources,
    ).filter(({ Type }) => Type === 'AWS::Lambda::Function');
    const named = ({ Properties }: (typeof polls)[number]) => String(Properties.FunctionName);
    const others = ['Team-operator', 'Team-tiles'];
    expect(polls.map(named)).toEqual(expect.arrayContaining(others));
    expect(polls.filter((one) => !others.includes(named(one))).map(({ Properties }) => Properties)).toEqual(
      streams.map(({ name }) =>
        expect.objectContaining({
          FunctionName: `Team-${name}`,
          Environment: { Variables: expect.objectContaining({ COLLECTOR: expect.anything() }) },
        }),
      ),
    );
    for (const { Properties } of polls.filter((one) => named(one) !== 'Team-tiles'))
      expect(JSON.stringify(Properties.Environment)).toContain('overlapMs\\":900000');
    const [asset] = readdirSync(out).filter((name) => name.startsWith('asset.'));
    const files = readdirSync(join(out, String(asset)));
    expect(files).toEqual(expect.arrayContaining(['poller.mjs', 'operator.mjs', 'forwarder.mjs']));
    expect(files.filter((name) => !name.endsWith('.mjs'))).toEqual(['THIRD-PARTY.txt']);
  });

  test('deploys the forwarder once it is said where Analytics is', async ({ expect }) => {
    const out = join(folder, 'forwarding');
    const { code, stdout, stderr } = await synth(out, '-c', 'analyticsUrl=https://analytics.example.com');
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' });
    const template = JSON.parse(readFileSync(join(out, 'SentinelOneCollector.template.json'), 'utf8'));
    const [forward] = Object.values<{ Type: string; Properties: Record<string, unknown> }>(
      template.Resources,
    ).filter(({ Properties }) => Properties?.Handler === 'forwarder.handler');
    expect(JSON.stringify(forward?.Properties.Environment)).toContain('https://analytics.example.com');
  });

  test('says in one sentence which setting is unknown', async ({ expect }) => {
    const { code, stderr } = await synth(join(folder, 'unknown'), '-c', 'bogus=1');
    expect(code).not.toBe(0);
    expect(stderr.split('\n')[0]).toMatch(/^The setting bogus is unknown; there are stackName, .*\.$/);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  test.for([
    ['linux', 'riscv64', '22.1'],
    ['darwin', 'arm64', '20.19'],
    ['win32', 'x64', '18.20'],
  ] as const)(
    'says on %s %s with Node %s, where npm has installed none, what npm start says',
    ([platform, arch, version], { expect }) => {
      // A clone without packages, where the machine's own Node runs.
      const clone = join(folder, platform);
      for (const path of ['cdk.json', 'package.json', 'local/node24.mjs', 'infra/app.ts'])
        cpSync(join(root, path), join(clone, path));
      const machine = join(clone, 'machine.mjs');
      const values = {
        versions: `{ ...process.versions, node: '${version}.0' }`,
        platform: `'${platform}'`,
        arch: `'${arch}'`,
      };
      writeFileSync(
        machine,
        Object.entries(values)
          .map(([name, value]) => `Object.defineProperty(process, '${name}', { value: ${value} });\n`)
          .join(''),
      );
      const { app } = JSON.parse(readFileSync(join(clone, 'cdk.json'), 'utf8'));
      const { scripts } = JSON.parse(readFileSync(join(clone, 'package.json'), 'utf8'));
      const own = {
        PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
        NODE_OPTIONS: `--import=${machine}`,
      };
      const said = [app, scripts.start].map((command) =>
        spawnSync(command, { cwd: clone, env: own, shell: true, encoding: 'utf8' }),
      );
      for (const { status, stdout, stderr } of said)
        expect({ status, stdout, stderr }).toEqual({
          status: 1,
          stdout: '',
          stderr: `This project runs on Node 24 as AWS Lambda does, and this is Node ${version}: npm has no Node 24 for ${platform} on ${arch}, so install it yourself (https://nodejs.org) and try again.\n`,
        });
    },
  );

  test('gets a bad setting as one sentence and an exit code from the app', async ({ expect }) => {
    const context = JSON.stringify({ overlapMinutes: '2000' });
    const { code, stdout, stderr } = await run(['node', 'infra/app.ts'], { CDK_CONTEXT_JSON: context });
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '',
      stderr: 'The setting overlapMinutes is 2000, but must be a whole number from 1 to 60.\n',
    });
  });
});
