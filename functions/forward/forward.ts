import { OutOfTimeError, problemOf } from '../errors.ts';
import type { AcceptedHour } from '../health/receipt.ts';
import { acceptedBefore, acceptedHours, countAccepted, markAccepted, markMs } from './accepted.ts';
import { deadLetterMs, sendDeadLetters } from './dead-letters.ts';
import type { ForwardOutcome, ForwardPorts } from './ports.ts';
import { type Posting, post } from './post.ts';
import { messagesOf, type QueuedArtifact, type ReceivedMessage, unpack } from './queued-artifacts.ts';
import type { Session } from './session.ts';
import type { ForwardSettings } from './settings.ts';

/** The state that the runs of one Lambda environment share. */
export interface SharedState {
  readonly session: Session;
  /** The number of artifacts that Analytics refused since it last accepted one. */
  readonly refusedInARow: number;
  /** The ids of accepted artifacts whose message was left in the queue for another artifact in it. */
  readonly acceptedInPart: ReadonlySet<string>;
  /** Accepted artifacts that are not in the ledger yet. */
  readonly notCounted: readonly AcceptedHour[];
}

/** More ids than the messages that Analytics fails on have. */
const mostInPart = 10_000;

export interface Forwarded {
  /** The messages with an artifact that is neither accepted nor in the dead-letter queue. */
  readonly toRetry: ReadonlySet<ReceivedMessage>;
  readonly outcome: ForwardOutcome;
  /** For the next run. */
  readonly shared: SharedState;
}

/** Time reserved after the last request: for the dead-letter queue, the id table and the status. */
const finishMs = deadLetterMs + markMs + 3_000;

/** Posts the artifacts in the messages to Analytics. Never throws: the outcome has the error. */
export async function forward(
  messages: readonly ReceivedMessage[],
  { requestBytes }: ForwardSettings,
  ports: ForwardPorts,
  { session, refusedInARow, acceptedInPart, notCounted }: SharedState,
  remainingMs: () => number,
): Promise<Forwarded> {
  const startedAt = ports.clock.now();
  const { valid, flawed } = unpack(messages, ports.flaw);
  const known = await acceptedBefore(valid, ports);
  const repeats = new Set([...known.repeats, ...valid.filter(({ id }) => acceptedInPart.has(id))]);
  const posting = await post(
    valid.filter((item) => !repeats.has(item)),
    refusedInARow,
    { requestBytes, ports, session, remainingMs: () => remainingMs() - finishMs },
  );
  const deadLetters = await sendDeadLetters([...flawed, ...posting.refused], ports);

  const items: readonly QueuedArtifact[] = [...valid, ...flawed.map(({ item }) => item)];
  const sent = deadLetters.sent.map(({ item }) => item);
  const done = new Set<QueuedArtifact>([...repeats, ...posting.accepted, ...sent]);
  const toRetry = messagesOf(items.filter((item) => !done.has(item)));
  const hours = acceptedHours(notCounted, [...repeats, ...posting.accepted], toRetry);
  const [markWarning, counted] = await Promise.all([
    markAccepted(posting.accepted, ports),
    countAccepted(hours, ports),
  ]);
  const error = problemIn(posting, deadLetters.error);
  const now = ports.clock.now();
  const outcome: ForwardOutcome = {
    state: error !== undefined ? error.state : toRetry.size > 0 ? 'backlogged' : 'ok',
    messages: messages.length,
    failed: toRetry.size,
    artifacts: copiesOf(items),
    requests: posting.requests.length,
    posted: posting.requests.reduce((sum, artifacts) => sum + artifacts, 0),
    accepted: posting.accepted.length,
    repeats: copiesOf([...repeats, ...posting.accepted]) - posting.accepted.length,
    deadLettered: deadLetters.sent.map(({ item, reason }) => ({ id: item.id, reason })),
    warnings: [...new Set([known.warning, ...posting.warnings, markWarning, counted.warning])].filter(
      (warning) => warning !== undefined,
    ),
    lagSeconds: Math.max(0, ...messages.map(({ sentAt }) => Math.round((now - sentAt) / 1000))),
    durationMs: now - startedAt,
    error,
  };
  // Artifacts that break the schema were not posted, so they say nothing about Analytics.
  const refused = sent.filter(({ packed }) => packed !== undefined).length;
  const inPart = [...repeats, ...posting.accepted].filter(({ messages }) =>
    messages.some((one) => toRetry.has(one)),
  );
  const received = new Set(valid.map(({ id }) => id));
  const before = [...acceptedInPart].filter((id) => !received.has(id));
  const shared = {
    session,
    refusedInARow: posting.accepted.length > 0 ? 0 : refusedInARow + refused,
    notCounted: counted.left.slice(-mostInPart),
    acceptedInPart: new Set([...before, ...inPart.map(({ id }) => id)].slice(-mostInPart)),
  };
  return { toRetry, outcome, shared };
}

/** A run that had no time for the rest has not failed. */
function problemIn({ error }: Posting, deadLetterError: Error | undefined) {
  const first = error instanceof OutOfTimeError ? deadLetterError : (error ?? deadLetterError);
  return first === undefined ? undefined : problemOf(first);
}

/** The number of artifacts in the queue, of which one can be in several messages. */
function copiesOf(items: readonly QueuedArtifact[]): number {
  return items.reduce((sum, { messages }) => sum + messages.length, 0);
}
