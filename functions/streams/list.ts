import { lookUp } from '../kit/json.ts';
import { activities } from './activities.ts';
import { agents } from './agents.ts';
import { alerts } from './alerts.ts';
import { ruleAlerts } from './rule-alerts.ts';
import type { Stream } from './stream.ts';
import { threats } from './threats.ts';

/** All streams. The stack creates one schedule and one function for each that is deployed. */
export const streams: readonly Stream[] = [threats, activities, agents, alerts, ruleAlerts];

/** The streams with a function in a stack whose setting `optionalStreams` has these names. */
export function deployedStreams(all: readonly Stream[], optional: readonly string[]): Stream[] {
  return all.filter(({ name, byDefault }) => byDefault || optional.includes(name));
}

/** A run ends so much before the next tick. */
const runSecondsPerMinute = 54;

/**
 * The streams with the intervals that were set, by name and in minutes. A run then ends before the next tick as well.
 */
export function withCadences(
  all: readonly Stream[],
  cadenceMinutes: Readonly<Record<string, number>> = {},
): Stream[] {
  return all.map((stream) => {
    const minutes = lookUp(cadenceMinutes, stream.name) ?? stream.cadenceMinutes;
    const timeoutSeconds = Math.min(stream.timeoutSeconds, minutes * runSecondsPerMinute);
    return { ...stream, cadenceMinutes: minutes, timeoutSeconds };
  });
}

/** The streams that every stack has. */
export const defaultStreams: readonly Stream[] = deployedStreams(streams, []);
