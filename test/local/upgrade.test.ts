import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { defaultStreams as streams } from '../../functions/streams/list.ts';
import { resolve, resources, type Template } from '../../local/aws/template.ts';
import type { FunctionProperties } from '../../local/collector.ts';
import { faultFor, faults } from '../../local/console/faults.ts';
import { type LocalFunction, startFunction } from '../../local/lambda/function.ts';
import { activityText, agentText, ago, threatText } from '../fixtures/records.ts';
import { goodToken, startWorld, type World } from '../support/world.ts';

/** The first version, and the one before metrics, secrets and releases changed. */
const commits = ['0fa9cd4d6d0a1f3138ffafaf9c1124dea264fff2', '2c51616f4e098bc4dc00eafa9929737252c610b4'];
const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'upgrade-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const isThere = (commit: string) => {
  try {
    execFileSync('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: root, stdio: 'ignore' });
    return true;
  } catch {
    console.log(`${commit} is not in this checkout's history: its upgrade is not tested.`);
    return false;
  }
};

/** The template of another version, and the folder of its functions. */
function synthesised(commit: string): { readonly template: Template; readonly code: string } {
  const tree = join(folder, commit);
  mkdirSync(tree);
  const archive = execFileSync('git', ['archive', commit], { cwd: root, maxBuffer: 2 ** 28 });
  execFileSync('tar', ['-x', '-C', tree], { input: archive });
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  const out = join(tree, 'out');
  execFileSync(process.execPath, ['infra/app.ts'], {
    cwd: tree,
    env: { ...process.env, CDK_OUTDIR: out },
    stdio: 'pipe',
  });
  const template: Template = JSON.parse(
    readFileSync(join(out, 'SentinelOneCollector.template.json'), 'utf8'),
  );
  const assets = JSON.parse(readFileSync(join(out, 'SentinelOneCollector.assets.json'), 'utf8'));
  const code = Object.values<{ source: { path: string; packaging: string } }>(assets.files).find(
    ({ source }) => source.packaging === 'zip',
  );
  return { template, code: join(out, code?.source.path ?? '') };
}

let world: World | undefined;
const started: LocalFunction[] = [];
afterEach(async () => {
  for (const one of started.splice(0)) one.stop();
  await world?.close();
  world = undefined;
});

/** The pollers of another version, with the tables, queue and consoles of this one. */
async function pollersOf(
  commit: string,
  { collector, consoles }: World,
): Promise<Map<string, LocalFunction>> {
  const { template, code } = synthesised(commit);
  const pollers = new Map<string, LocalFunction>();
  for (const definition of resources<FunctionProperties>(template, 'AWS::Lambda::Function')) {
    const stream = definition.FunctionName.replace('SentinelOneCollector-', '');
    if (!streams.some(({ name }) => name === stream)) continue;
    const own = Object.entries(definition.Environment.Variables).map(([name, value]) => [
      name,
      resolve(value, collector.aws),
    ]);
    const poller = await startFunction({
      name: definition.FunctionName,
      code,
      handler: definition.Handler,
      memoryMb: definition.MemorySize,
      timeoutSeconds: definition.Timeout,
      environment: {
        ...Object.fromEntries(own),
        ...collector.aws.environment,
        AWS_ENDPOINT_URL_LAMBDA: collector.endpoints.lambda,
        NODE_USE_ENV_PROXY: '1',
        HTTPS_PROXY: consoles.proxyUrl,
        NO_PROXY: '127.0.0.1',
        NODE_EXTRA_CA_CERTS: consoles.caFile,
      },
      onLine: () => undefined,
    });
    started.push(poller);
    pollers.set(stream, poller);
  }
  expect(pollers.size).toBe(streams.length);
  return pollers;
}

const hostOf = (name: string) => `usea1-${name}.sentinelone.net`;
/** By the state that the old version leaves. */
const names = ['ok', 'midway', 'refused', 'unreachable', 'odd', 'disabled'];

describe.each(commits.filter(isThere))('from %s and back', (commit) => {
  test('nothing is lost, whatever state a stream is in, and only the overlap is delivered again', async () => {
    world = await startWorld({ hosts: Object.fromEntries(names.map((name) => [hostOf(name), {}])) });
    const { collector, consoles } = world;
    const old = await pollersOf(commit, world);
    const given = new Map(names.map((name) => [name, new Set<string>()]));
    /** From some hours ago at first, and then new. */
    const put = (count: number, minutesAgo = 0) => {
      let minutes = minutesAgo;
      for (const name of names)
        for (let i = 0; i < count; i++) {
          minutes = Math.max(0, minutes - 0.02);
          const console = consoles.console(hostOf(name));
          for (const [stream, text] of [
            ['threats', threatText(ago(minutes))],
            ['activities', activityText(ago(minutes))],
            ['agents', agentText(ago(minutes))],
          ] as const) {
            console.put(stream, text);
            given.get(name)?.add(`${stream} ${JSON.parse(text).id}`);
          }
        }
    };
    let rounds = 0;
    /** An edit of the record makes each stream due. */
    const poll = async (pollers: ReadonlyMap<string, LocalFunction>) => {
      rounds += 1;
      for (const instance of names) {
        const record = { instance, host: hostOf(instance), enabled: instance !== 'disabled' || rounds > 1 };
        await collector.addInstance({ ...record, note: String(rounds) }, goodToken);
      }
      const time = new Date().toISOString();
      for (const { name } of streams)
        await pollers.get(name)?.invoke({ source: 'aws.events', 'detail-type': 'Scheduled Event', time });
    };
    const current = collector.functions;
    const consoleOf = (name: string) => consoles.console(hostOf(name));

    put(1100, 240);
    // A listing of two pages stops after the first.
    consoleOf('midway').faults = [({ query }) => (query.cursor ? faults.forbidden : undefined)];
    consoleOf('refused').tokens = [];
    consoleOf('unreachable').faults = [faultFor({}, faults.forbidden)];
    consoleOf('odd').faults = [faultFor({}, faults.htmlWithStatus200)];
    await poll(old);
    const states = new Set((await collector.status()).map(({ state }) => state));
    expect(states.size).toBeGreaterThan(3);
    for (const name of names) {
      consoleOf(name).faults = [];
      consoleOf(name).tokens = [{ token: goodToken }];
    }
    /** What each version delivered while it ran. */
    const eras: { id: string; instance: string; of: string }[][] = [];
    let received = 0;
    const endEra = async () => {
      const all = (await world?.artifacts()) ?? [];
      const era = all.slice(received).map(({ metadata: { id, instance, stream, recordId } }) => {
        return { id, instance, of: `${stream} ${recordId}` };
      });
      received = all.length;
      eras.push(era);
    };
    await endEra();
    const historic = new Map([...given].map(([name, records]) => [name, new Set(records)]));
    for (const pollers of [current, old, current]) {
      for (let i = 0; i < 2; i++) {
        put(20);
        await poll(pollers);
      }
      await endEra();
    }

    for (const name of names) {
      const own = eras.map((era) => era.filter(({ instance }) => instance === name));
      const found = new Map<string, number>();
      for (const { of } of own.flat()) found.set(of, (found.get(of) ?? 0) + 1);
      expect(
        [...(given.get(name) ?? [])].filter((one) => !found.has(one)),
        name,
      ).toEqual([]);
      for (const era of own) expect(new Set(era.map(({ id }) => id)).size, name).toBe(era.length);
      // A version does not know the hashes by which another one remembers what is in the overlap. All else comes once.
      const repeated = [...(historic.get(name) ?? [])].filter((one) => (found.get(one) ?? 0) > 1);
      expect(repeated, name).toEqual([]);
    }
  });
});
