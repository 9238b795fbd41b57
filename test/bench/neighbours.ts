import type { Illness } from './console.ts';
import { backlog } from './drain.ts';
import type { Ladder } from './ladder.ts';
import { median, withSpread } from './numbers.ts';
import { atMost, type Report, table } from './report.ts';
import { hostOf, startStage } from './stage.ts';

const bad = 4;
const ill: { readonly [host: string]: Illness } = {
  [hostOf(0)]: 'hangs',
  [hostOf(1)]: 'trickles',
  [hostOf(2)]: 'refuses',
};
const behind = (): { [host: string]: { [stream: string]: Ladder } } => ({
  [hostOf(3)]: { activities: backlog(1_000_000) },
});

/** How late well instances are for the sake of bad ones among them. */
export async function benchNeighbours(rounds: number, instances = 200): Promise<Report> {
  const stage = await startStage(instances);
  const run = async (given: object) => {
    await stage.give({ latencyMs: 100, ladders: { activities: backlog(5) }, ...given });
    const collector = await stage.collector('activities');
    await stage.addInstances(instances);
    const began = performance.now();
    // It would go on for minutes with the bad ones: it is stopped when the others are done.
    const running = collector.invoke().catch(() => undefined);
    const isWell = (line: string) => {
      const told = /^\{"level":"INFO","message":"sentinelone: fetched .*"instance":"n(\d+)"/.exec(line);
      return told !== null && Number(told[1]) >= bad;
    };
    while (collector.lines.filter(isWell).length < instances - bad)
      await new Promise((resolve) => setTimeout(resolve, 20));
    const tookMs = performance.now() - began;
    collector.stop();
    await running;
    return tookMs;
  };
  const [with4, without]: [number[], number[]] = [[], []];
  try {
    for (let round = 0; round < rounds; round++) {
      without.push(await run({}));
      with4.push(await run({ ill, own: behind() }));
    }
  } finally {
    await stage.close();
  }
  const ratios = with4.map((ms, i) => ms / (without[i] ?? 1));
  return {
    title: 'Bad neighbours',
    shown: [
      atMost("the other instances' finish time with four bad neighbours / without", 1.1, median(ratios)),
    ],
    text: `${table(
      ['', 'last of the others done after, s'],
      [
        [
          'all well',
          withSpread(
            without.map((ms) => ms / 1000),
            2,
          ),
        ],
        [
          'four bad',
          withSpread(
            with4.map((ms) => ms / 1000),
            2,
          ),
        ],
        ['ratio', withSpread(ratios, 2)],
      ],
    )}

Of ${instances} instances with five new records each, at 100 ms console latency: one never answers, one sends a byte a second, one answers 429
to everything, one is a million records behind. Measured until the last of the other ${instances - bad} has been polled.`,
  };
}
