import type { RunSummary } from '../../functions/collect/run.ts';
import { defaultStreams } from '../../functions/streams/list.ts';
import { grouped, sum } from './numbers.ts';
import { callsOf } from './quiet.ts';
import { atMost, type Report, table } from './report.ts';
import { startStage } from './stage.ts';

/** Hours that a secret is cached, and that Lambda keeps a process: AWS promises none, and a few are usual. */
const [cachedHours, livesHours] = [4, 4];

/**
 * The share of quiet polls that read their secret, where each of so many processes polls a shard at each tick, and a tick
 * reaches them in any order.
 */
export async function secretReads(processes: number, each: number, ticks: number): Promise<number> {
  const instances = processes * each;
  const stage = await startStage(instances);
  try {
    await stage.give({});
    const settings = { furtherRuns: true, instancesPerRun: each };
    const runners = await Promise.all(
      Array.from({ length: processes }, () => stage.collector('activities', settings)),
    );
    await stage.addInstances(instances);
    let [reads, polls] = [0, 0];
    for (let tick = 0; tick <= ticks; tick++) {
      let events: readonly object[] = [{}];
      // Any process may be the one that divides the tick.
      runners.sort(() => Math.random() - 0.5);
      for (const [i, runner] of runners.entries()) {
        const measured = await runner.invoke(10 * tick, events[Math.max(0, i - 1)]);
        if (i === 0) events = measured.counts.runs;
        // Nobody has a token at the first tick.
        if (tick === 0) continue;
        reads += callsOf(measured, 'SecretsManager');
        const { due, handedOver } = measured.result as RunSummary;
        polls += due - handedOver;
      }
    }
    if (polls !== instances * ticks) throw new Error(`${polls} polls of ${instances * ticks}`);
    return reads / polls;
  } finally {
    await stage.close();
  }
}

export async function benchSecrets(): Promise<Report> {
  const moved = await secretReads(10, 20, 5);
  const pollsAnHour = sum(defaultStreams.map(({ cadenceMinutes }) => 60 / cadenceMinutes));
  const ofHours = (hours: number) => defaultStreams.length / hours / pollsAnHour;
  const shares = [moved, ofHours(cachedHours), ofHours(livesHours)];
  const percent = (share: number) => grouped(100 * share, 1);
  return {
    title: 'Reads of secrets: with further runs',
    shown: [atMost('quiet polls that read their secret anew, of 100', 10, 100 * sum(shares), '', 1)],
    text: `${table(
      ['read anew because', 'of 100 quiet polls'],
      [
        ['another process polled the instance before (measured)', percent(moved)],
        [`the cache keeps a secret for ${cachedHours} hours (reckoned)`, percent(ofHours(cachedHours))],
        [`Lambda starts a new process every ${livesHours} hours (assumed)`, percent(ofHours(livesHours))],
      ],
    )}

Ten processes poll 20 instances each, in another order at each tick; each instance has a secret of its own. Taking the shard
that comes, as before, 50 processes had their token in about one of five polls.`,
  };
}
