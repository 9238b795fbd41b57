import { median, withSpread } from './numbers.ts';
import { atMost, type Report, table } from './report.ts';
import { hostOf, type Measured, startStage } from './stage.ts';

const tableSizes = [200, 10_000, 100_000];

/** The instances of one further run. */
const own = 200;

/** What a further run costs before and after its polls: its instances were polled a minute ago, so none is due. */
export async function benchFurtherRun(
  rounds: number,
  sizes: readonly number[] = tableSizes,
): Promise<Report> {
  const stage = await startStage(own);
  const rows: (string | number)[][] = [];
  const medians: number[] = [];
  try {
    for (const size of sizes) {
      await stage.give({});
      const collector = await stage.collector('activities');
      await stage.addInstances(own);
      await collector.invoke();
      await stage.addInstances(size);
      const instances = Array.from({ length: own }, (_, i) => hostOf(i).split('.')[0] ?? '');
      const measured: Measured[] = [];
      for (let round = 0; round < rounds; round++) measured.push(await collector.invoke(1, { instances }));
      collector.stop();
      const seconds = measured.map(({ cpuMs }) => cpuMs / 1000);
      medians.push(median(seconds));
      rows.push([
        size,
        withSpread(seconds, 2),
        withSpread(measured.map(({ counts }) => counts.calls['DynamoDB.BatchGetItem'] ?? 0)),
      ]);
    }
  } finally {
    await stage.close();
  }
  return {
    title: 'A further run: with the number of instances',
    shown: sizes.map((size, i) =>
      atMost(`CPU of a further run of ${own} of ${size} instances, without polls`, 1, medians[i] ?? 0, ' s'),
    ),
    text: `${table(['instances in the table', 'CPU s', 'BatchGetItem calls'], rows)}

A further run reads its own instances by their keys, and their cursors; no other.`,
  };
}

const largest = 100_000;

/** What a tick takes that divides so many instances, all of which are due. */
export async function benchTick(instances = largest): Promise<Report> {
  const stage = await startStage(own);
  const measured: Measured[] = [];
  try {
    await stage.give({});
    const collector = await stage.collector('activities', { furtherRuns: true });
    await stage.addInstances(instances);
    await stage.addCursors(instances, 'activities');
    for (let tick = 0; tick < 2; tick++) measured.push(await collector.invoke(10));
  } finally {
    await stage.close();
  }
  const peak = Math.max(...measured.map(({ peakMib }) => peakMib));
  return {
    title: 'A tick that further runs share',
    shown: [atMost(`peak memory of a tick of ${instances} instances`, 256, peak, ' MiB', 0)],
    text: `${table(
      ['instances', 'peak MiB', 'CPU s', 'further runs', 'BatchGetItem calls'],
      [
        [
          instances,
          withSpread(measured.map(({ peakMib }) => peakMib)),
          withSpread(
            measured.map(({ cpuMs }) => cpuMs / 1000),
            1,
          ),
          withSpread(measured.map(({ counts }) => counts.runs.length)),
          withSpread(measured.map(({ counts }) => counts.calls['DynamoDB.BatchGetItem'] ?? 0)),
        ],
      ],
    )}

The tick reads the instances and their cursors 500 at a time, and keeps the names of those that are due.`,
  };
}
