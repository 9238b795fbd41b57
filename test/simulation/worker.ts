import { parentPort, workerData } from 'node:worker_threads';
import { planOf } from './plan.ts';
import { live } from './world.ts';

/** Lives every seed of its share, and posts how each ended. */
const { from, to, step } = workerData as { from: number; to: number; step: number };
for (let seed = from; seed <= to; seed += step) parentPort?.postMessage(await live(planOf(seed)));
