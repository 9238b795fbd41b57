import { setTimeout as sleep } from 'node:timers/promises';
import { styled } from '../cli/output.ts';
import { readRules } from '../functions/health/rules.ts';
import { streams as allStreams, deployedStreams, withCadences } from '../functions/streams/list.ts';
import type { Analytics } from './analytics/analytics.ts';
import type { LocalCollector } from './collector.ts';
import { readHealth } from './health.ts';
import type { Scenario } from './scenarios.ts';
import type { Screen } from './screen.ts';
import { clock, healthLines } from './show.ts';

/** Streams in addition to those by default. */
export const optionalStreams = allStreams.flatMap(({ name, byDefault }) => (byDefault ? [] : [name]));
export const streams = deployedStreams(allStreams, optionalStreams);

/** The running collector, its consoles and Analytics, and counts from the log lines of its functions. */
export interface Stage {
  readonly scenario: Scenario;
  readonly collector: LocalCollector;
  readonly analytics: Analytics;
  readonly tally: { collected: number; forwarded: number };
  readonly screen: Screen;
  readonly stopped: AbortSignal;
}

/** Runs every function once, and forwards what they have collected. */
export async function tickAll(stage: Stage): Promise<void> {
  const time = Date.now();
  await Promise.all(streams.map(({ name }) => tick(stage, name, time)));
  while (await forwardSome(stage));
}

/** Invokes a function. An error is printed and does not stop the others. */
async function tick({ collector, screen, stopped }: Stage, stream: string, time: number): Promise<void> {
  await collector.tick(stream, new Date(time)).catch((error: unknown) => {
    if (!stopped.aborted) screen.lines([`${clock()} ${styled('red', '[ERROR]')} ${String(error)}`]);
  });
}

/**
 * Runs the schedule until it is stopped. Each tick has the simulated time, so that all instances are due.
 * @param addresses what is printed below each table
 */
export async function runSchedule(stage: Stage, speed: number, addresses: readonly string[]): Promise<void> {
  const { stopped, collector } = stage;
  const { cadenceMinutes } = readRules(collector.outputs.HealthRules ?? '{}');
  const start = Date.now();
  const pause = (ms: number) => sleep(Math.max(0, ms), undefined, { signal: stopped }).catch(() => undefined);
  const schedule = async (stream: string, cadenceMs: number) => {
    for (let ticks = 0; !stopped.aborted; ticks++) {
      const began = Date.now();
      await tick(stage, stream, start + ticks * cadenceMs);
      const now = Date.now();
      // With hundreds of instances, a tick takes all of the machine. Commands get their share after it.
      await pause(Math.max(start + ((ticks + 1) * cadenceMs) / speed - now, now - began));
    }
  };
  const eventSource = async () => {
    while (!stopped.aborted) if (!(await forwardSome(stage))) await pause(1_000);
  };
  const reporter = async () => {
    let [seen, shown] = ['', ''];
    while (!stopped.aborted) {
      await pause(1_000);
      if (stopped.aborted) return;
      stage.screen.status(statusLine(stage));
      const before = seen;
      seen = await lightsOf(stage.collector);
      // A table is printed when something has changed and then stayed the same for a second.
      if (seen !== before || seen === shown) continue;
      shown = seen;
      stage.screen.lines(['', ...(await tableOf(stage.collector)), '', ...addresses, '']);
    }
  };
  await Promise.all([
    ...withCadences(streams, cadenceMinutes).map((one) => schedule(one.name, one.cadenceMinutes * 60_000)),
    eventSource(),
    reporter(),
  ]);
}

/** Forwards the visible messages; returns whether at least one was forwarded. */
async function forwardSome({ collector }: Stage): Promise<boolean> {
  const { messages, failed } = await collector.forward();
  return messages > failed;
}

async function healthOf(collector: LocalCollector, now: number) {
  const { instances, forwarder } = await readHealth(collector, now);
  return forwarder === undefined ? instances : [...instances, forwarder];
}

export async function tableOf(collector: LocalCollector): Promise<string[]> {
  const now = Date.now();
  return healthLines(await healthOf(collector, now), now);
}

/** Which instance has which state; empty before all have been polled. */
async function lightsOf(collector: LocalCollector): Promise<string> {
  const all = await healthOf(collector, Date.now());
  const isPolled = all.every((one) =>
    one.streams.every(({ lastPollAt, light }) => lastPollAt !== undefined || light === 'grey'),
  );
  return isPolled
    ? all.map(({ instance, light, worst }) => `${instance} ${light} ${worst.word}`).join('\n')
    : '';
}

function statusLine({ analytics: { byStream, acceptedInAll } }: Stage): string {
  const parts = streams.flatMap(({ name }) => (byStream.has(name) ? [`${byStream.get(name)} ${name}`] : []));
  return `analytics: ${acceptedInAll} artifacts${parts.length > 0 ? ` (${parts.join(', ')})` : ''}`;
}
