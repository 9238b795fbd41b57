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

/** The streams that every stack has. */
export const defaultStreams: readonly Stream[] = deployedStreams(streams, []);
