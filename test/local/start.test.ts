import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Consoles, startConsoles } from '../../local/console/consoles.ts';
import { activityText, agentText, ago, threatText } from '../fixtures/records.ts';
import { startLocal as start } from '../support/start.ts';

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function ended(child: ChildProcess): Promise<Ended> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('no output');
  const [out, err, [code]] = await Promise.all([text(stdout), text(stderr), once(child, 'close')]);
  return { code, out, err };
}

describe('npm start -- --once', () => {
  let run: Ended;
  beforeAll(async () => {
    run = await ended(start(['--once', '--verbose']));
  });

  test('ends well', () => {
    expect(run).toMatchObject({ code: 0, err: '' });
  });

  test.each(['threats', 'activities', 'agents'])('fetches %s of both good instances', (stream) => {
    for (const instance of ['acme', 'globex']) {
      expect(run.out).toMatch(
        new RegExp(
          `^\\d\\d:\\d\\d:\\d\\d \\[INFO\\] sentinelone: fetched [1-9]\\d* ${stream} +${instance}$`,
          'm',
        ),
      );
    }
  });

  test('says unauthorized, and what to do, for the third', () => {
    expect(run.out).toMatch(/initech +red +unauthorized/);
    expect(run.out).toMatch(/→ Create a new token in the console, then run: collector rotate initech\n/);
    expect(run.out).toMatch(/\[ERROR\] .*then run: collector rotate initech\n/);
  });

  test('counts what was collected, forwarded and accepted', () => {
    const fetched = [...run.out.matchAll(/fetched (\d+) /g)].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    );
    expect(run.out).toContain(
      `\nartifacts: ${fetched} collected, ${fetched} forwarded, ${fetched} accepted\n`,
    );
  });

  test('finds a threat by each field that an analyst searches by, and not by another value', () => {
    expect(run.out).toMatch(/search finds the threat (acme|globex)\/threats\/\d+@/);
    for (const field of ['instance', 'host', 'user', 'severity', 'stream', 'hash']) {
      expect(run.out).toMatch(new RegExp(`  by ${field} \\S.*: unique match\n`));
    }
  });
});

describe('npm start -- --once --records DIR', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'records-'));
    await writeFile(join(folder, 'threats.ndjson'), `${threatText('2019-05-06T07:08:09.123456Z')}\n`);
    const spaced = activityText('2021-05-06T07:08:09.123456Z', { data: { a: 1 } }).replaceAll(':', ' : ');
    await writeFile(join(folder, 'activities.ndjson'), `${spaced}\n\n${activityText(ago(5))}\n`);
    // As PowerShell redirects output: UTF-16 with a BOM, and lines that end as in Windows.
    const agents = `\uFEFF\r\n${agentText(ago(9))}\r\n\r\n${agentText(ago(8))}\r\n`;
    await writeFile(join(folder, 'agents.ndjson'), Buffer.from(agents, 'utf16le'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('delivers the files byte for byte, however old they are', async () => {
    const run = await ended(start(['--once', '--records', folder]));
    expect(run.out).toContain('5 of 5 records delivered unchanged');
    expect(run).toMatchObject({ code: 0, err: '' });
  });

  test('delivers records of any age and with one id, and says which lines repeat or can’t be served', async () => {
    const mixed = await mkdtemp(join(tmpdir(), 'records-'));
    const [old, young] = [
      activityText('2009-05-06T07:08:09.123456Z', { id: '7' }),
      activityText(ago(5), { id: '7' }),
    ];
    const future = activityText(ago(-600_000), { id: '8' });
    await writeFile(join(mixed, 'activities.ndjson'), [old, young, young, '{', future].join('\n'));
    const run = await ended(start(['--once', '--records', mixed]));
    await rm(mixed, { recursive: true });
    expect(run.out).toContain(
      'activities.ndjson, line 3: repeats line 2 of activities.ndjson (the same id and time)\n',
    );
    expect(run.out).toMatch(/activities\.ndjson, line 4: not JSON: .* \(not served\)\n/);
    expect(run.out).toContain('3 of 3 records delivered unchanged');
    expect(run.out).toContain('FAILED: lines that could not be served: 1');
    expect(run.code).toBe(1);
  });

  test('says what is wrong with a folder that holds none', async () => {
    const run = await ended(start(['--once', '--records', tmpdir()]));
    expect(run.code).toBe(1);
    expect(run.err).toMatch(/contains no records: add threats\.ndjson/);
  });
});

describe('npm start -- --host HOST', () => {
  const host = 'usea1-real.sentinelone.net';
  const token = 'the-token-of-a-real-console';
  let consoles: Consoles;
  let environment: Record<string, string>;
  beforeAll(async () => {
    consoles = await startConsoles({ hosts: { [host]: { tokens: [{ token }] } } });
    consoles.console(host).put('threats', threatText(ago(10)));
    environment = {
      NODE_USE_ENV_PROXY: '1',
      HTTPS_PROXY: consoles.proxyUrl,
      NODE_EXTRA_CA_CERTS: consoles.caFile,
    };
  });
  afterAll(() => consoles.close());

  test('polls it with the token of the environment, through the proxy and the CA of this machine', async () => {
    const run = await ended(
      start(['--once', '--host', host], { ...environment, SENTINELONE_API_TOKEN: token }),
    );
    expect(run.out).toMatch(/fetched 1 threats {2}trial\n/);
    expect(run.out).not.toContain(token);
    expect(run).toMatchObject({ code: 0, err: '' });
  });

  test('ends badly where the console refuses the token', async () => {
    const run = await ended(
      start(['--once', '--host', host], { ...environment, SENTINELONE_API_TOKEN: 'another' }),
    );
    expect(run.code).toBe(1);
    expect(run.out).toContain('threats of trial is unauthorized, expected ok');
  });

  test('asks for the token where there is none', async () => {
    expect(await ended(start(['--host', host]))).toEqual({
      code: 1,
      out: '',
      err: 'Set the environment variable SENTINELONE_API_TOKEN to the API token.\n',
    });
  });
});

describe('npm start', () => {
  test('goes on until it is interrupted, and then leaves nothing running', async () => {
    const child = start([]);
    let out = '';
    child.stdout?.setEncoding('utf8').on('data', (more: string) => {
      out += more;
    });
    while (!/fetched \d+ threats[\s\S]*analytics: \d+ artifacts/.test(out))
      await once(child.stdout as NodeJS.EventEmitter, 'data');
    child.kill('SIGINT');
    const [code] = await once(child, 'close');
    expect(code).toBe(0);
    expect(out).toMatch(/Search +http:\/\/127\.0\.0\.1:\d+\/ /);
    expect(out).toContain('./collector rotate initech --local');
    const box = out.split('\n').filter((line) => /^[┌│└]/.test(line));
    expect(box.length).toBeGreaterThan(5);
    expect(new Set(box.map(({ length }) => length))).toEqual(new Set([80]));
    expect(out).not.toContain('SIGKILL');
    expect(out).toMatch(/\nStopped\. Nothing is left behind\.\n$/);
  });

  test('says in one sentence what an argument is wrong with', async () => {
    const run = await ended(start(['--recrods', 'x']));
    expect(run.code).toBe(1);
    expect(run.err).toMatch(/^Unknown option '--recrods'[^\n]*\n$/);
  });
});
