import { activities } from './activities.ts';
import { agents } from './agents.ts';
import type { Stream } from './stream.ts';
import { threats } from './threats.ts';

/** Everything that is polled: the stack makes one rule and one function of each. */
export const streams: readonly Stream[] = [threats, activities, agents];
