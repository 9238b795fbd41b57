import { limits } from '../settings.ts';

/** How an invocation's time is divided: requests end `settleMs` before it does. Milliseconds. */

/** Reserved at the end for delivering, committing and releasing. */
export const settleMs = 20_000;

/** The part of `settleMs` in which the last delivery may continue. The cursor is saved in the rest. */
export const deliveryMs = settleMs / 2;

/** With less time left no page is requested. */
export const shortestPageMs = 10_000;

/** A claim outlives the slowest page, its delivery, and a page after it, and expires before the next tick but one. */
export const claimMs = 2 * limits.pageTimeoutMs + deliveryMs + settleMs;
