import { backlog, dynamoCalls } from './drain.ts';
import { median, withSpread } from './numbers.ts';
import { atMost, type Report, table } from './report.ts';
import { type Measured, startStage } from './stage.ts';

/** Many instances with a few records each, in one invocation. */
export async function benchThousand(rounds: number, instances = 1000): Promise<Report> {
  const stage = await startStage(instances);
  const all: Measured[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      await stage.give({ latencyMs: 100, ladders: { activities: backlog(5) } });
      const collector = await stage.collector('activities');
      await stage.addInstances(instances);
      const measured = await collector.invoke();
      collector.stop();
      if (measured.counts.artifacts !== 5 * instances)
        throw new Error(`${measured.counts.artifacts} artifacts arrived`);
      all.push(measured);
    }
  } finally {
    await stage.close();
  }
  const seconds = all.map(({ wallMs }) => wallMs / 1000);
  const cpuSeconds = all.map(({ cpuMs }) => cpuMs / 1000);
  return {
    title: 'A thousand instances in one invocation',
    shown: [
      atMost(
        `${instances} instances, 5 records each, 100 ms latency: polled within`,
        60,
        median(seconds),
        ' s',
        1,
      ),
      atMost('the same: CPU-seconds', 17, median(cpuSeconds), ' s', 1),
    ],
    text: `${table(
      ['', 'wall s', 'CPU s', 'DynamoDB calls', 'connections', 'peak MiB'],
      [
        [
          `${instances} instances`,
          withSpread(seconds, 1),
          withSpread(cpuSeconds, 1),
          withSpread(all.map(dynamoCalls)),
          withSpread(all.map(({ console }) => console.connections)),
          withSpread(all.map(({ peakMib }) => peakMib)),
        ],
      ],
    )}

Each instance has a host, a connection and a secret of its own, and none was seen before. 512 MB of Lambda have 0.29 of a
core: 17 CPU-seconds are a minute there.`,
  };
}
