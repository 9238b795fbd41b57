import { OutOfTimeError, UnreachableError } from '../errors.ts';
import { backoffMs, type Retry, retrying } from '../kit/pacing.ts';
import { RequestRefusedError } from './errors.ts';
import type { ForwardPorts, Receipt } from './ports.ts';
import type { Posted } from './queued-artifacts.ts';
import type { Session } from './session.ts';

export interface Ingestion {
  /** Maximum size of a request in UTF-8 bytes. */
  readonly requestBytes: number;
  readonly ports: Pick<ForwardPorts, 'analytics' | 'overflow' | 'clock'>;
  readonly session: Session;
  /** The time in which requests must end. */
  readonly remainingMs: () => number;
  /** Called before each request, with the number of artifacts in it. */
  readonly onRequest: (artifacts: number) => void;
}

/** The result for one artifact, or a warning for the operator. */
export type Result =
  | { readonly accepted: Posted }
  | { readonly refused: Posted; readonly reason: string }
  | { readonly warning: string };

/** A receipt. `whole` means that the entire request was refused. */
type Reply = Receipt & { readonly whole: boolean };

/** The timeout of a request. Analytics may have accepted a request that timed out. */
const maxRequestMs = 30_000;

/** With less time left, no request starts: if it were aborted, its artifacts would be posted twice. */
const minRequestMs = 10_000;

/** Posts a request body with this number of artifacts. */
export async function send(
  body: string | Uint8Array,
  artifacts: number,
  tries: number,
  ingestion: Ingestion,
): Promise<Reply> {
  const { ports, session, onRequest } = ingestion;
  const once = (token: string, timeoutMs: number) => {
    onRequest(artifacts);
    return ports.analytics.ingest(token, body, timeoutMs);
  };
  try {
    const receipt = await withRetries(() => session.with(once, () => requestMs(ingestion)), tries, ingestion);
    return { ...receipt, whole: false };
  } catch (error) {
    if (!(error instanceof RequestRefusedError)) throw error;
    return { accepted: 0, rejected: artifacts, message: error.message, whole: true };
  }
}

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
