import { type Problem, problemOf, type State } from '../errors.ts';
import { readLateness } from '../health/lateness.ts';
import type { Remembered } from '../health/status.ts';
import { epoch, type Timestamp, toMs } from '../kit/time.ts';
import type { HoursChecked } from './ledger/ledger.ts';
import type { PollResult, Progress } from './poll.ts';

/** What an invocation did for one instance, for logs and metrics. */
export interface Outcome extends Progress {
  readonly instance: string;
  readonly stream: string;
  readonly state: State;
  /** How far the position is behind the current time; undefined if there is no position yet. */
  readonly lagSeconds: number | undefined;
  readonly durationMs: number;
  readonly caughtUp: boolean;
  /** At most one record in a thousand became visible later; undefined if nothing is known. */
  readonly latenessSeconds: number | undefined;
  /** Undefined if no check was due. */
  readonly hoursChecked: HoursChecked | undefined;
  readonly error: Problem | undefined;
}

/** @param startedAt the start of the first turn, in milliseconds since 1970; undefined if there was none */
export function outcomeOf(
  { instance, stream, startedAt }: { instance: string; stream: string; startedAt: number | undefined },
  result: PollResult,
  now: number,
): Outcome {
  const { state, position, error, endCursor: _, token: __, spent: ___, remembered, ...progress } = result;
  return {
    ...progress,
    instance,
    stream,
    state,
    position,
    lagSeconds: lagSeconds(position, now),
    latenessSeconds: latenessSeconds(remembered),
    durationMs: now - (startedAt ?? now),
    caughtUp: state === 'ok',
    error: error === undefined ? undefined : problemOf(error, instance),
  };
}

function latenessSeconds({ lateness }: Remembered): number | undefined {
  const known = readLateness(lateness);
  return known && known.p999Ms / 1000;
}

/** The position of a new inventory is the year 1970, which is not a lag. */
function lagSeconds(position: Timestamp | undefined, now: number): number | undefined {
  if (position === undefined || position === epoch) return undefined;
  return Math.max(0, Math.round((now - toMs(position)) / 1000));
}
