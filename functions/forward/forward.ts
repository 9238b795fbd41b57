import { OutOfTimeError, problemOf } from '../errors.ts';
import { text } from '../kit/json.ts';
import { within } from '../kit/pacing.ts';
import { StuckMessageError } from './errors.ts';
import { ingest } from './ingest.ts';
import type { DeadLetter, ForwardOutcome, ForwardPorts } from './ports.ts';
import { messagesToRetry, type QueuedArtifact, type ReceivedMessage, unpack } from './queued-artifacts.ts';
import type { Ingestion, Streak } from './request.ts';
import type { Session } from './session.ts';
import type { ForwardSettings } from './settings.ts';

/** State that the runs of one Lambda environment share. */
export interface SharedState {
  readonly session: Session;
  readonly streak: Streak;
}

/** Time limits for the id table and the dead-letter queue, so that a call that hangs does not fail the whole run. */
const [lookUpMs, deadLetterMs, markMs] = [5_000, 6_000, 6_000];

/** Time reserved after the last request: for the dead-letter queue, the id table and the status. */
const finishMs = deadLetterMs + markMs + 3_000;

/**
 * Posts the artifacts in the messages to Analytics. `toRetry` has the messages with an artifact that is neither
 * accepted nor in the dead-letter queue. Never throws: the outcome has the error.
 */
export async function forward(
  messages: readonly ReceivedMessage[],
  { requestBytes }: ForwardSettings,
  ports: ForwardPorts,
  { session, streak }: SharedState,
  remainingMs: () => number,
): Promise<{ readonly toRetry: ReadonlySet<ReceivedMessage>; readonly outcome: ForwardOutcome }> {
  const startedAt = ports.clock.now();
  const report = { requests: 0, posted: 0, warnings: new Set<string>() };
  const ingestion: Ingestion = {
    requestBytes,
    ports,
    session,
    streak,
    remainingMs: () => remainingMs() - finishMs,
    report,
  };
  const items = unpack(messages, ports.flaw);

  await dropRepeats(items, ports, report.warnings);
  const failure = await errorOf(ingest(items, ingestion));
  const deadLetterFailure = await errorOf(sendDeadLetters(items, ports));
  await markAccepted(items, ports, report.warnings);
  streak.refused = refusedInARow(items, streak);

  const toRetry = messagesToRetry(items);
  const error = failure instanceof OutOfTimeError ? deadLetterFailure : (failure ?? deadLetterFailure);
  const problem = error === undefined ? undefined : problemOf(error);
  const now = ports.clock.now();
  const outcome: ForwardOutcome = {
    state: problem !== undefined ? problem.state : toRetry.size > 0 ? 'backlogged' : 'ok',
    messages: messages.length,
    failed: toRetry.size,
    artifacts: items.reduce((sum, item) => sum + item.messages.length, 0),
    requests: report.requests,
    posted: report.posted,
    accepted: items.filter(({ status }) => status === 'accepted').length,
    repeats: repeatsAmong(items),
    deadLettered: items
      .filter(({ status }) => status === 'dead-lettered')
      .map(({ id, reason }) => ({ id, reason: String(reason) })),
    warnings: [...report.warnings],
    lagSeconds: Math.max(0, ...messages.map(({ sentAt }) => Math.round((now - sentAt) / 1000))),
    durationMs: now - startedAt,
    error: problem,
  };
  return { toRetry, outcome };
}

/** If the table cannot be read, repeats are posted again. That is allowed; a delay is not. */
async function dropRepeats(
  items: readonly QueuedArtifact[],
  { accepted, clock }: ForwardPorts,
  warnings: Set<string>,
): Promise<void> {
  const open = items.filter(({ status }) => status === 'open');
  if (accepted === undefined || open.length === 0) return;
  try {
    const known = await within(lookUpMs, () => accepted.known(open.map(({ id }) => id)), clock);
    for (const item of open) if (known.has(item.id)) item.status = 'repeat';
  } catch (error) {
    warnings.add(`the table of accepted ids can't be read, so repeats are posted: ${String(error)}`);
  }
}

/** Runs only after acceptance, because an id in the table is never posted again. */
async function markAccepted(
  items: readonly QueuedArtifact[],
  { accepted, clock }: ForwardPorts,
  warnings: Set<string>,
): Promise<void> {
  const taken = items.filter(({ status }) => status === 'accepted');
  if (accepted === undefined || taken.length === 0) return;
  try {
    await within(markMs, () => accepted.mark(taken.map(({ id }) => id)), clock);
  } catch (error) {
    warnings.add(`the table of accepted ids can't be written, so repeats may be posted: ${String(error)}`);
  }
}

async function sendDeadLetters(
  items: readonly QueuedArtifact[],
  { deadLetters, clock }: ForwardPorts,
): Promise<void> {
  const refused = items.filter(({ status }) => status === 'refused');
  if (refused.length === 0) return;
  const messages = refused.map(deadLetterOf);
  const stuck = (id: string | undefined, reason: string, options?: ErrorOptions) =>
    new StuckMessageError(`the dead-letter queue rejects ${id}: ${reason}`, options);
  const results = await within(deadLetterMs, () => deadLetters.send(messages), clock).catch(
    (error: unknown) => {
      throw stuck(refused[0]?.id, String(error), { cause: error });
    },
  );
  let failed: StuckMessageError | undefined;
  for (const [i, item] of refused.entries()) {
    const result = results[i];
    if (result?.taken) item.status = 'dead-lettered';
    else failed ??= stuck(item.id, result?.reason ?? 'no result in the response');
  }
  if (failed !== undefined) throw failed;
}

function deadLetterOf({ body, reason, packed }: QueuedArtifact): DeadLetter {
  const instance = text(packed?.artifact.metadata, 'instance');
  const stream = text(packed?.artifact.metadata, 'stream');
  return { body: body(), reason: String(reason), ...(instance && { instance }), ...(stream && { stream }) };
}

/** Counts only artifacts that Analytics refused, not those that the schema check refused. */
function refusedInARow(items: readonly QueuedArtifact[], { refused }: Streak): number {
  const posted = items.filter(({ packed }) => packed !== undefined);
  if (posted.some(({ status }) => status === 'accepted')) return 0;
  return refused + posted.filter(({ status }) => status === 'dead-lettered').length;
}

/** Counts artifacts that were accepted in an earlier run, or that are in several messages. */
function repeatsAmong(items: readonly QueuedArtifact[]): number {
  return items
    .filter(({ status }) => status === 'repeat' || status === 'accepted')
    .reduce((sum, { status, messages }) => sum + messages.length - (status === 'accepted' ? 1 : 0), 0);
}

function errorOf(step: Promise<void>): Promise<unknown> {
  return step.then(
    () => undefined,
    (error: unknown) => error ?? new Error('unknown'),
  );
}
