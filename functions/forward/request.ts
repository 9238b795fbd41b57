import { OutOfTimeError, UnreachableError } from '../errors.ts';
import { backoffMs, type Retry, retrying } from '../kit/pacing.ts';
import type { ForwardPorts } from './ports.ts';
import type { Session } from './session.ts';

export interface Ingestion {
  /** UTF-8 bytes that requests are filled up to. */
  readonly requestBytes: number;
  readonly ports: Pick<ForwardPorts, 'analytics' | 'overflow' | 'clock'>;
  readonly session: Session;
  readonly streak: Streak;
  /** Until requests have to have ended. */
  readonly remainingMs: () => number;
  readonly tally: IngestTally;
}

/** How Analytics answered in the runs before. */
export interface Streak {
  /** Artifacts that it refused since it last accepted one. */
  refused: number;
}

/** What was done, kept while it happens: it holds when an error ends it. */
interface IngestTally {
  requests: number;
  /** Artifacts, each time that they were posted. */
  posted: number;
  /** Why artifacts may be accepted twice, where nothing else would say so. */
  readonly warnings: Set<string>;
}

/** A request that takes longer is given up; Analytics may have taken it all the same. */
const longestRequestMs = 30_000;

/** With less than this none begins: one that is given up for our own lack of time would be posted twice. */
const shortestRequestMs = 10_000;

/** Tries again what fails because Analytics can't be reached, as long as the time allows. */
export function patiently<T>(
  operation: () => Promise<T>,
  howMany: number,
  { ports, remainingMs }: Ingestion,
): Promise<T> {
  const retry: Retry = {
    whether: (error) => error instanceof UnreachableError,
    howLong: (error, failures) =>
      Math.max(
        (error as UnreachableError).retryAfterMs ?? 0,
        backoffMs(failures, 1_000, 10_000, ports.clock),
      ),
    howMany,
  };
  // A wait that leaves no time for a request would end as if nothing was wrong.
  return retrying(operation, retry, ports.clock, () => remainingMs() - 1.1 * shortestRequestMs);
}

/** How long the next request may take; throws OutOfTimeError where too little time is left for one. */
export function requestMs({ remainingMs }: Ingestion): number {
  const timeoutMs = Math.min(longestRequestMs, remainingMs());
  if (timeoutMs < shortestRequestMs) throw new OutOfTimeError();
  return timeoutMs;
}
