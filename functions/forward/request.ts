import { OutOfTimeError, UnreachableError } from '../errors.ts';
import { backoffMs, type Retry, retrying } from '../kit/pacing.ts';
import type { ForwardPorts } from './ports.ts';
import type { Session } from './session.ts';

export interface Ingestion {
  /** Maximum size of a request in UTF-8 bytes. */
  readonly requestBytes: number;
  readonly ports: Pick<ForwardPorts, 'analytics' | 'overflow' | 'clock'>;
  readonly session: Session;
  readonly streak: Streak;
  /** The time in which requests must end. */
  readonly remainingMs: () => number;
  readonly report: IngestReport;
}

/** How Analytics answered in earlier runs. */
export interface Streak {
  /** The number of artifacts that Analytics refused since it last accepted one. */
  refused: number;
}

/** Counts and warnings, updated during the work so that they are complete even after an error. */
interface IngestReport {
  requests: number;
  /** Posted artifacts; one that is posted twice counts twice. */
  posted: number;
  /** Reasons why artifacts may be accepted twice. */
  readonly warnings: Set<string>;
}

/** The timeout of a request. Analytics may have accepted a request that timed out. */
const maxRequestMs = 30_000;

/** With less time left, no request starts: if it were aborted, its artifacts would be posted twice. */
const minRequestMs = 10_000;

/** Retries an operation while Analytics is unreachable and time is left. */
export function withRetries<T>(
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
  // A wait that leaves no time for another request would hide the error.
  return retrying(operation, retry, ports.clock, () => remainingMs() - 1.1 * minRequestMs);
}

/** Returns the timeout for the next request. Throws OutOfTimeError if too little time is left. */
export function requestMs({ remainingMs }: Ingestion): number {
  const timeoutMs = Math.min(maxRequestMs, remainingMs());
  if (timeoutMs < minRequestMs) throw new OutOfTimeError();
  return timeoutMs;
}
