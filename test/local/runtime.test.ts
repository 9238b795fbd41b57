import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import type { CollectorOptions } from '../../local/collector.ts';
import { faultFor, faults } from '../../local/console/faults.ts';
import { activityText, ago } from '../fixtures/records.ts';
import { goodToken, type World, type WorldOptions } from '../support/world.ts';
import { exactlyOnce, putAll, type Stage, startStage } from './faults/stage.ts';

/** AWS's own runtime client, where `.ci/runtime-client/install` has built it: that takes cmake and a compiler. */
const client = join(import.meta.dirname, '../../.ci/runtime-client/node_modules/aws-lambda-ric/index.mjs');

const hoursLater = join(import.meta.dirname, '..', 'support', 'hours-later.ts');

const runtimes: [string, CollectorOptions['runtime']][] = [['the runtime of local/lambda', undefined]];
if (existsSync(client)) runtimes.push(["AWS's runtime client", (handler) => [client, handler]]);

test('a build that is to run under the real runtime client has it', () => {
  expect(existsSync(client) || process.env.RUNTIME_CLIENT !== 'required').toBe(true);
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runtime-'));
});
afterAll(() => rm(folder, { recursive: true }));

type Deployment = NonNullable<WorldOptions['deployment']>;

/** The stack, with less time for every function. */
function withTimeout(Timeout: number): Deployment {
  const { template, code } = inject('deployment');
  const Resources = Object.entries(template.Resources).map(([id, resource]) => [
    id,
    resource.Type === 'AWS::Lambda::Function'
      ? { ...resource, Properties: { ...resource.Properties, Timeout } }
      : resource,
  ]);
  return { template: { ...template, Resources: Object.fromEntries(Resources) }, code };
}

/** The stack, with a bundle that a package was left out of. */
async function withImport(name: string): Promise<Deployment> {
  const { template, code } = inject('deployment');
  const copy = join(folder, name);
  await cp(code, copy, { recursive: true });
  const entry = join(copy, 'poller.mjs');
  await writeFile(entry, `import '${name}';\n${await readFile(entry, 'utf8')}`);
  return { template, code: copy };
}

describe.each(runtimes)('the bundle under %s', (_, runtime) => {
  let stage: Stage;
  let world: World;
  let served: string[];

  const start = async (more: Partial<WorldOptions> = {}) => {
    stage = await startStage(['acme'], { ...(runtime && { runtime }), ...more });
    ({ world } = stage);
    served = [];
    await stage.add('acme');
    put();
  };
  /** Five more records. */
  const put = () => {
    const texts = Array.from({ length: 5 }, () => activityText(ago(1)));
    putAll(stage.console('acme'), 'activities', texts);
    served.push(...texts);
  };
  const tick = () => stage.tick('activities');
  const verdict = () => stage.judge('acme', 'activities', served);
  const pid = () => world.collector.functions.get('activities')?.pid ?? 0;
  const ended = async (old: number) => {
    while (pid() === old) await setTimeout(5);
  };

  afterEach(() => world.close());

  test('starts cold, then warm in the same process with what it knows', async () => {
    await start();
    await tick();
    const first = pid();
    put();
    await tick();
    expect(pid()).toBe(first);
    const fetched = world.log.filter(({ message }) => String(message).startsWith('sentinelone: fetched'));
    expect(fetched.map(({ cold_start }) => cold_start)).toEqual([true, false]);
    const reads = world.gate.asked.filter(({ action }) => action === 'secretsmanager:GetSecretValue');
    expect(reads).toHaveLength(1);
    expect(await verdict()).toEqual(exactlyOnce);
  });

  test('tells of an error, and goes on in the same process', async () => {
    await start();
    await tick();
    const first = pid();
    const { roles } = world.gate;
    world.gate.roles = new Map();
    await expect(tick()).rejects.toThrow(/AccessDeniedException.*dynamodb:Scan/);
    world.gate.roles = roles;
    put();
    await tick();
    expect(pid()).toBe(first);
    expect(await verdict()).toEqual(exactlyOnce);
  });

  test('is ended when its time is over, and the next run has a process of its own', async () => {
    await start({ deployment: withTimeout(3) });
    const failed = expect(tick()).rejects.toThrow('SIGKILL');
    while (pid() === 0) await setTimeout(5);
    const first = pid();
    process.kill(first, 'SIGSTOP');
    await failed;
    await ended(first);
    // Three seconds are too short for a poll, but not for an answer.
    expect(await tick()).toMatchObject({ due: 1 });
    expect(pid()).not.toBe(first);
  });

  describe('frozen for five hours', () => {
    let first: number;
    let aheadMs: number;

    const freeze = async (meanwhile: () => void) => {
      aheadMs = 0;
      const environment = { NODE_OPTIONS: `--import=${hoursLater}` };
      const nowMs = () => Date.now() + aheadMs;
      await start({ nowMs, lambdaNowMs: nowMs, environment });
      await tick();
      first = pid();
      process.kill(first, 'SIGSTOP');
      put();
      world.gate.cutConnections();
      world.consoles.cutConnections();
      meanwhile();
      aheadMs = 5 * 3_600_000;
      process.kill(first, 'SIGCONT');
      while (!world.lines.includes('thawed')) await setTimeout(5);
      await tick();
    };
    const setToken = (...tokens: [string, ...string[]]) => {
      stage.console('acme').tokens = tokens.map((token) => ({ token }));
      world.collector.aws.secrets.put('signal-client/sentinelone/acme', tokens[0]);
    };
    const reads = () => world.gate.asked.filter(({ action }) => action === 'secretsmanager:GetSecretValue');

    test('it wakes to dead connections and a dead token, and loses nothing', async () => {
      await freeze(() => setToken('another-token'));
      expect(pid()).toBe(first);
      expect(await world.status('acme', 'activities')).toMatchObject({ state: 'ok', lastCount: 5 });
      expect(await verdict()).toEqual(exactlyOnce);
    });

    test('it does not trust a secret that it read before, though the old token is still good', async () => {
      await freeze(() => setToken('another-token', goodToken));
      expect(reads()).toHaveLength(2);
      const refused = stage.console('acme').requests.filter(({ status }) => status === 401);
      expect(refused).toEqual([]);
      expect(await verdict()).toEqual(exactlyOnce);
    });
  });

  test('ends at once on SIGTERM, in the middle of a run as well, and the next run loses nothing', async () => {
    await start();
    stage.console('acme').faults.push(faultFor({ path: '/activities', times: 1 }, faults.slow(60_000)));
    const run = tick();
    const failed = expect(run).rejects.toThrow('exited with');
    while (stage.console('acme').requests.length === 0) await setTimeout(5);
    const first = pid();
    process.kill(first, 'SIGTERM');
    await failed;
    await ended(first);
    await stage.lapseClaim('acme', 'activities');
    await tick();
    expect(await verdict()).toEqual(exactlyOnce);
  });

  test('says which package is missing from it', async () => {
    await start({ deployment: await withImport('left-out-of-the-bundle') });
    await expect(tick()).rejects.toThrow(/Cannot find package 'left-out-of-the-bundle'/);
  });
});
