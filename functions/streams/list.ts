import { activities } from './activities.ts';
import { agents } from './agents.ts';
import type { Stream } from './stream.ts';
import { threats } from './threats.ts';

/** All streams. The stack creates one schedule and one function for each. */
export const streams: readonly Stream[] = [threats, activities, agents];
