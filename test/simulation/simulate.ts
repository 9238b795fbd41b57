import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { faultKinds, planOf } from './plan.ts';
import { killSites } from './process.ts';
import { shortest } from './shrink.ts';
import { type Ending, live } from './world.ts';

const usage = `npm run simulate -- --seeds N [--from SEED]   N worlds from SEED (1), on all cores; exit 1 if one goes wrong
npm run simulate -- --seeds N --first         the same, and stop at the first that goes wrong
npm run simulate -- --seed SEED               one world again, with the shortest story of what goes wrong in it`;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    first: { type: 'boolean', default: false },
    workers: { type: 'string', default: String(availableParallelism()) },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

/** Sums over all worlds. */
interface Totals {
  seeds: number;
  readonly numbers: Map<string, number>;
  readonly faults: Map<string, number>;
  readonly kills: Map<string, number>;
  readonly wrong: Ending[];
}

const say = (line = '') => process.stdout.write(`${line}\n`);

function add(to: Map<string, number>, name: string, count: number): void {
  to.set(name, (to.get(name) ?? 0) + count);
}

function count(totals: Totals, ending: Ending): void {
  totals.seeds += 1;
  for (const name of [
    'runs',
    'records',
    'delivered',
    'lost',
    'repeated',
    'listings',
    'longListings',
    'hoursChecked',
    'hoursReadAgain',
  ] as const) {
    add(totals.numbers, name, ending[name]);
  }
  for (const [kind, times] of ending.faults) add(totals.faults, kind, times);
  for (const [site, times] of ending.kills) add(totals.kills, site, times);
  if (ending.verdicts.length > 0) totals.wrong.push(ending);
}

async function liveAll(from: number, seeds: number, stopAtFirst: boolean): Promise<Totals> {
  const totals: Totals = { seeds: 0, numbers: new Map(), faults: new Map(), kills: new Map(), wrong: [] };
  const workers = Math.min(seeds, Number(values.workers));
  await Promise.all(
    Array.from({ length: workers }, async (_, i) => {
      const worker = new Worker(new URL('./worker.ts', import.meta.url), {
        workerData: { from: from + i, to: from + seeds - 1, step: workers },
      });
      worker.on('message', (ending: Ending) => {
        count(totals, ending);
        if (stopAtFirst && totals.wrong.length > 0) worker.terminate();
      });
      await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
    }),
  );
  return totals;
}

function sayTable(title: string, counts: ReadonlyMap<string, number>, names: readonly string[]): void {
  say(title);
  for (const name of names) say(`  ${name.padEnd(28)} ${String(counts.get(name) ?? 0).padStart(9)}`);
}

async function main(): Promise<number> {
  if (values.help) {
    say(usage);
    return 0;
  }
  if (values.seed !== undefined) return replay(Number(values.seed));
  const began = performance.now();
  const totals = await liveAll(Number(values.from), Number(values.seeds), values.first);
  const total = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((sum, n) => sum + n, 0);
  sayTable('faults by kind', totals.faults, faultKinds);
  sayTable('kills by call', totals.kills, killSites);
  say();
  const { numbers } = totals;
  say(
    `seeds ${totals.seeds}, runs ${numbers.get('runs')}, kills ${total(totals.kills)}, faults ${total(totals.faults)}`,
  );
  say(
    `listings ${numbers.get('listings')}, of which over three runs or more ${numbers.get('longListings')}; hours checked ${numbers.get('hoursChecked')}, of which read again ${numbers.get('hoursReadAgain')}`,
  );
  say(
    `records ${numbers.get('records')}, delivered ${numbers.get('delivered')}, lost ${numbers.get('lost')}, repeated ${numbers.get('repeated')}`,
  );
  say(
    `worlds that went wrong ${totals.wrong.length}, seconds ${Math.round((performance.now() - began) / 1000)}`,
  );
  const worst = totals.wrong.toSorted((a, b) => a.seed - b.seed)[0];
  if (worst === undefined) return 0;
  say();
  say(`seed ${worst.seed}: ${worst.verdicts.slice(0, 3).join('; ')}`);
  say(`replay it with: npm run simulate -- --seed ${worst.seed}`);
  return 1;
}

async function replay(seed: number): Promise<number> {
  const plan = planOf(seed);
  const { verdicts } = await live(plan);
  if (verdicts.length === 0) {
    say(`seed ${seed}: all is well`);
    return 0;
  }
  const { story, verdicts: shortestVerdicts } = await shortest(plan);
  for (const line of story) say(line);
  for (const verdict of shortestVerdicts) say(verdict);
  return 1;
}

process.exitCode = await main();
