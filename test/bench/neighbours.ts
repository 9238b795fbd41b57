import { setTimeout as sleep } from 'node:timers/promises';
import type { Given, Illness } from './console.ts';
import { backlog } from './drain.ts';
import type { Ladder } from './ladder.ts';
import { median, withSpread } from './numbers.ts';
import { atMost, type Report, table } from './report.ts';
import { hostOf, type Stage, startStage } from './stage.ts';

const bad = 4;
const ill: { readonly [host: string]: Illness } = {
  [hostOf(0)]: 'hangs',
  [hostOf(1)]: 'trickles',
  [hostOf(2)]: 'refuses',
};
const behind = (): { [host: string]: { [stream: string]: Ladder } } => ({
  [hostOf(3)]: { activities: backlog(1_000_000) },
});

/** Milliseconds until the last of those that are well was polled: with bad neighbours and, just before, without. */
export async function lateness(
  stage: Stage,
  instances: number,
  rounds: number,
): Promise<{ readonly well: number; readonly bad: number }[]> {
  const took: { readonly well: number; readonly bad: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const well = await untilPolled(stage, instances, {});
    took.push({ well, bad: await untilPolled(stage, instances, { ill, own: behind() }) });
  }
  return took;
}

async function untilPolled(stage: Stage, instances: number, given: Partial<Given>): Promise<number> {
  await stage.give({ latencyMs: 100, ladders: { activities: backlog(5) }, ...given });
  const collector = await stage.collector('activities');
  await stage.addInstances(instances);
  const began = performance.now();
  // It would go on for minutes with the bad ones: it is stopped when the others are done.
  let failed: unknown;
  const running = collector.invoke().catch((error: unknown) => {
    failed = error;
  });
  while (collector.lines.filter(isOfWell).length < instances - bad) {
    if (failed !== undefined) throw failed;
    await sleep(20);
  }
  const tookMs = performance.now() - began;
  collector.stop();
  await running;
  return tookMs;
}

function isOfWell(line: string): boolean {
  const told = /^\{"level":"INFO","message":"sentinelone: fetched .*"instance":"n(\d+)"/.exec(line);
  return told !== null && Number(told[1]) >= bad;
}

/** How late well instances are for the sake of bad ones among them. */
export async function benchNeighbours(rounds: number, instances = 200): Promise<Report> {
  const stage = await startStage(instances);
  const took = await lateness(stage, instances, rounds).finally(() => stage.close());
  const seconds = (of: 'well' | 'bad') => took.map((one) => one[of] / 1000);
  const ratios = took.map(({ well, bad }) => bad / well);
  return {
    title: 'Bad neighbours',
    shown: [
      atMost("the other instances' finish time with four bad neighbours / without", 1.1, median(ratios)),
    ],
    text: `${table(
      ['', 'last of the others done after, s'],
      [
        ['all well', withSpread(seconds('well'), 2)],
        ['four bad', withSpread(seconds('bad'), 2)],
        ['ratio', withSpread(ratios, 2)],
      ],
    )}

Of ${instances} instances with five new records each, at 100 ms console latency: one never answers, one sends a byte a second,
one answers 429 to everything, one is a million records behind. Measured until the last of the other ${instances - bad} has been polled.`,
  };
}
