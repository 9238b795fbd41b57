import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { synthesise } from '../../infra/synth.ts';
import { startAnalytics } from '../../local/analytics/analytics.ts';
import type { Template } from '../../local/aws/template.ts';
import { startCollector } from '../../local/collector.ts';
import { startConsoles } from '../../local/console/consoles.ts';
import { faults } from '../../local/console/faults.ts';
import { threatText } from '../fixtures/records.ts';
import { atMost, type Report, table } from './report.ts';

const host = 'usea1-fresh.sentinelone.net';
const token = 'a-good-token';
/** As long as a console takes to answer. */
const consoleMs = 300;
/** The forwarder's event source waits so long for more messages (infra/functions/forwarder.ts). */
const batchingMs = 5_000;

/** How long after its appearance a threat is in the queue and accepted by Analytics, in seconds, for each threat. */
interface Freshness {
  readonly toQueue: readonly number[];
  readonly toAnalytics: readonly number[];
}

/** Threats that appear at times spread evenly over an interval; the wait for the tick is computed, all else measured. */
async function freshness(cadenceMinutes: number, threats: number): Promise<Freshness> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-freshness-'));
  const consoles = await startConsoles({ hosts: { [host]: { tokens: [{ token }], rateLimits: false } } });
  const analytics = await startAnalytics();
  const caFile = join(folder, 'analytics.pem');
  await writeFile(caFile, analytics.caPem);
  const context = { cadenceMinutes: { threats: cadenceMinutes }, analyticsUrl: 'https://analytics.example' };
  const { template, code } = synthesise(context, join(folder, 'out'));
  const collector = await startCollector({
    template: template as Template,
    code,
    environment: {
      NODE_USE_ENV_PROXY: '1',
      HTTPS_PROXY: consoles.proxyUrl,
      NO_PROXY: '127.0.0.1',
      NODE_EXTRA_CA_CERTS: consoles.caFile,
    },
    overrides: { coverageMs: 0, hoursPerPoll: 0, analyticsUrl: analytics.url },
    forwarderEnvironment: { NODE_EXTRA_CA_CERTS: caFile },
    onLine: () => undefined,
  });
  const [toQueue, toAnalytics]: [number[], number[]] = [[], []];
  const start = Date.now();
  try {
    await collector.addInstance({ instance: 'fresh', host }, token);
    const console = consoles.console(host);
    console.faults = [() => faults.slow(consoleMs)];
    const [user] = analytics.users;
    collector.aws.secrets.put('signal-client/analytics', JSON.stringify(user));
    // The functions and their connections are there, as nearly always.
    for (let i = -1; i < threats; i++) {
      const waitMs = ((i + 0.5) / threats) * cadenceMinutes * 60_000;
      console.put('threats', threatText(`${new Date().toISOString().slice(0, -1)}000Z`));
      const tickAt = performance.now();
      await collector.tick('threats', new Date(start + (i + 1) * cadenceMinutes * 60_000));
      const queuedAt = performance.now();
      await collector.forward();
      const acceptedAt = performance.now();
      if (analytics.acceptedInAll !== i + 2)
        throw new Error(`${analytics.acceptedInAll} of ${i + 2} threats came`);
      if (i < 0) continue;
      toQueue.push((waitMs + queuedAt - tickAt) / 1000);
      toAnalytics.push((waitMs + acceptedAt - tickAt + batchingMs) / 1000);
    }
  } finally {
    await collector.close();
    await analytics.close();
    await consoles.close();
    await rm(folder, { recursive: true, force: true });
  }
  return { toQueue, toAnalytics };
}

const shareOf = (values: readonly number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1] ?? Number.NaN;

export async function benchFreshness(threats: number): Promise<Report> {
  const found: (readonly [cadenceMinutes: number, Freshness])[] = [];
  for (const minutes of [5, 1]) found.push([minutes, await freshness(minutes, threats)]);
  const rows = found.flatMap(([minutes, { toQueue, toAnalytics }]) =>
    [
      ['the queue', toQueue],
      ['Analytics', toAnalytics],
    ].map(([place, seconds]) => [
      `every ${minutes === 1 ? 'minute' : `${minutes} minutes`}, to ${place}`,
      ...[0.5, 0.95, 1].map((share) => shareOf(seconds as number[], share).toFixed(1)),
    ]),
  );
  return {
    title: 'Freshness',
    shown: found.map(([minutes, { toQueue }]) =>
      atMost(
        `a threat is in the queue, at a cadence of ${minutes} min`,
        minutes * 60 + 2,
        shareOf(toQueue, 1),
        ' s',
        1,
      ),
    ),
    text: `${table(['seconds from its appearance in the console', 'median', '95 %', 'most'], rows)}

Of ${threats} threats that appear at times spread evenly over an interval (\`cadenceMinutes\`, [cost](cost.md#faster)). The wait for the tick follows from
that; the poll, at ${consoleMs} ms console latency, and the forwarder are measured, and its event source waits for ${batchingMs / 1000} s. Not included:
how late EventBridge fires a rule, and [how late the console shows the threat](operations.md#late-records).`,
  };
}
