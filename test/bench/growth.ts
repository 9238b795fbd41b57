import { backlog, drain, dynamoCalls } from './drain.ts';
import { median, withSpread } from './numbers.ts';
import { atMost, type Report, table } from './report.ts';
import { type Measured, startStage } from './stage.ts';

const backlogs = [10_000, 100_000, 1_000_000];

/** What grows with what has to be caught up. */
export async function benchGrowth(rounds: number, scale = 1): Promise<Report> {
  const stage = await startStage(1, { skims: true });
  const rows: (string | number)[][] = [];
  const peaks: number[] = [];
  try {
    for (const all of backlogs) {
      const records = all * scale;
      const measured: Measured[] = [];
      // The longest takes minutes, and a thousand pages are rounds enough.
      for (let round = 0; round < (all === 1_000_000 ? 1 : rounds); round++)
        measured.push(await drain(stage, 'activities', records, 0));
      const perThousand = (of: (one: Measured) => number) =>
        measured.map((one) => (of(one) / records) * 1000);
      peaks.push(median(measured.map(({ peakMib }) => peakMib)));
      rows.push([
        `${records} records`,
        withSpread(measured.map(({ wallMs }) => (records / wallMs) * 1000)),
        withSpread(
          perThousand(({ cpuMs }) => cpuMs),
          1,
        ),
        withSpread(measured.map(({ peakMib }) => peakMib)),
        withSpread(perThousand(dynamoCalls), 2),
        withSpread(
          perThousand(({ counts }) => counts.writeUnits),
          1,
        ),
        withSpread(
          measured.map(({ counts }) => counts.largestItem / 1024),
          1,
        ),
      ]);
    }
  } finally {
    await stage.close();
  }
  const [least = 0, , most = 0] = peaks;
  return {
    title: 'Growth: with the backlog',
    shown: [
      atMost('peak memory (VmHWM), 1 M backlog / 10 k backlog', 1.2, most / least),
      atMost('peak memory (VmHWM), 1 M backlog', 160, most, ' MiB', 0),
    ],
    text: `${table(
      [
        'backlog',
        'records/s',
        'CPU ms per 1,000',
        'peak MiB',
        'DynamoDB calls per 1,000',
        'write units per 1,000',
        'largest item, KiB',
      ],
      rows,
    )}

Activities of one console over twenty hours, limiter off. The memory of delivered versions holds no more than a listing could
read again: its size goes with how many records share ten minutes, not with the backlog.`,
  };
}

/** What grows with the number of instances: later polls, where nothing is new. */
export async function benchInstances(rounds: number): Promise<Report> {
  const rows: (string | number)[][] = [];
  for (const instances of [1, 10, 100, 1000]) {
    const stage = await startStage(instances);
    const measured: Measured[] = [];
    try {
      await stage.give({ latencyMs: 50, ladders: { activities: backlog(5) } });
      const collector = await stage.collector('activities');
      await stage.addInstances(instances);
      await collector.invoke();
      for (let round = 1; round <= rounds; round++) measured.push(await collector.invoke(10 * round));
    } finally {
      await stage.close();
    }
    const share = (of: (one: Measured) => number) => measured.map((one) => of(one) / instances);
    rows.push([
      `${instances}`,
      withSpread(
        measured.map(({ wallMs }) => wallMs / 1000),
        2,
      ),
      withSpread(
        share(({ cpuMs }) => cpuMs),
        1,
      ),
      withSpread(
        share(({ console }) => console.requests),
        2,
      ),
      withSpread(
        share(({ console }) => console.connections),
        2,
      ),
      withSpread(share(dynamoCalls), 2),
      withSpread(
        share(({ counts }) => counts.writeUnits),
        2,
      ),
      withSpread(
        share(({ counts }) => counts.readUnits),
        2,
      ),
      withSpread(measured.map(({ peakMib }) => peakMib)),
    ]);
  }
  return {
    title: 'Growth: with the number of instances',
    shown: [],
    text: `${table(
      [
        'quiet instances',
        'wall s',
        'CPU ms each',
        'console requests each',
        'new connections each',
        'DynamoDB calls each',
        'write units each',
        'read units each',
        'peak MiB',
      ],
      rows,
    )}

Later polls of instances where nothing is new, at 50 ms console latency. Processor time of a single instance is mostly that of
the invocation itself, and Linux counts it in steps of 10 ms.`,
  };
}
