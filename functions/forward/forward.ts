import { OutOfTimeError, problemOf } from '../errors.ts';
import { text } from '../kit/json.ts';
import { within } from '../kit/pacing.ts';
import { StuckMessageError } from './errors.ts';
import { ingest } from './ingest.ts';
import { type Parcel, type ReceivedMessage, unpack, unsettled } from './parcels.ts';
import type { DeadLetter, ForwardOutcome, ForwardPorts } from './ports.ts';
import type { Ingestion, Streak } from './request.ts';
import type { Session } from './session.ts';

/** What the operator sets for the forwarder when deploying. */
export interface ForwardSettings {
  /** UTF-8 bytes that requests are filled up to. */
  readonly requestBytes: number;
}

/** What is kept from run to run. */
export interface Lasting {
  readonly session: Session;
  readonly streak: Streak;
}

/** For looking ids up, burying and marking: what hangs must not end the run, with all that it has done. */
const [lookUpMs, buryMs, markMs] = [5_000, 6_000, 6_000];

/** Kept for burying, marking and the status once requests have ended. */
const settleMs = buryMs + markMs + 3_000;

/**
 * Posts what the messages hold to Analytics. `comeBack` are those of which something was neither accepted, now or
 * before, nor sent to the dead-letter queue with its reason. Throws nothing: the outcome says what went wrong.
 */
export async function forward(
  messages: readonly ReceivedMessage[],
  { requestBytes }: ForwardSettings,
  ports: ForwardPorts,
  { session, streak }: Lasting,
  remainingMs: () => number,
): Promise<{ readonly comeBack: ReadonlySet<ReceivedMessage>; readonly outcome: ForwardOutcome }> {
  const startedAt = ports.clock.now();
  const tally = { requests: 0, posted: 0, warnings: new Set<string>() };
  const ingestion: Ingestion = {
    requestBytes,
    ports,
    session,
    streak,
    remainingMs: () => remainingMs() - settleMs,
    tally,
  };
  const parcels = unpack(messages, ports.flaw);

  await dropRepeats(parcels, ports, tally.warnings);
  const failure = await errorOf(ingest(parcels, ingestion));
  const burial = await errorOf(bury(parcels, ports));
  await mark(parcels, ports, tally.warnings);
  streak.refused = refusedInARow(parcels, streak);

  const comeBack = unsettled(parcels);
  const error = failure instanceof OutOfTimeError ? burial : (failure ?? burial);
  const problem = error === undefined ? undefined : problemOf(error);
  const now = ports.clock.now();
  const outcome: ForwardOutcome = {
    state: problem !== undefined ? problem.state : comeBack.size > 0 ? 'backlogged' : 'ok',
    messages: messages.length,
    failed: comeBack.size,
    artifacts: parcels.reduce((sum, parcel) => sum + parcel.messages.length, 0),
    requests: tally.requests,
    posted: tally.posted,
    accepted: parcels.filter(({ fate }) => fate === 'accepted').length,
    repeats: repeatsAmong(parcels),
    buried: parcels
      .filter(({ fate }) => fate === 'buried')
      .map(({ id, reason }) => ({ id, reason: String(reason) })),
    warnings: [...tally.warnings],
    lagSeconds: Math.max(0, ...messages.map(({ sentAt }) => Math.round((now - sentAt) / 1000))),
    durationMs: now - startedAt,
    error: problem,
  };
  return { comeBack, outcome };
}

/** Without the table, repeats are posted again: that is allowed, a delay is not. */
async function dropRepeats(
  parcels: readonly Parcel[],
  { accepted, clock }: ForwardPorts,
  warnings: Set<string>,
): Promise<void> {
  const open = parcels.filter(({ fate }) => fate === 'open');
  if (accepted === undefined || open.length === 0) return;
  try {
    const known = await within(lookUpMs, () => accepted.known(open.map(({ id }) => id)), clock);
    for (const parcel of open) if (known.has(parcel.id)) parcel.fate = 'repeat';
  } catch (error) {
    warnings.add(`the table of accepted ids can't be read, so repeats are posted: ${String(error)}`);
  }
}

/** After acceptance, never before: an id that is marked is not posted again. */
async function mark(
  parcels: readonly Parcel[],
  { accepted, clock }: ForwardPorts,
  warnings: Set<string>,
): Promise<void> {
  const taken = parcels.filter(({ fate }) => fate === 'accepted');
  if (accepted === undefined || taken.length === 0) return;
  try {
    await within(markMs, () => accepted.mark(taken.map(({ id }) => id)), clock);
  } catch (error) {
    warnings.add(`the table of accepted ids can't be written, so repeats may be posted: ${String(error)}`);
  }
}

async function bury(parcels: readonly Parcel[], { deadLetters, clock }: ForwardPorts): Promise<void> {
  const refused = parcels.filter(({ fate }) => fate === 'refused');
  if (refused.length === 0) return;
  const letters = refused.map(letterOf);
  const stuck = (id: string | undefined, reason: string, options?: ErrorOptions) =>
    new StuckMessageError(`the dead-letter queue does not take ${id}: ${reason}`, options);
  const burials = await within(buryMs, () => deadLetters.send(letters), clock).catch((error: unknown) => {
    throw stuck(refused[0]?.id, String(error), { cause: error });
  });
  let failed: StuckMessageError | undefined;
  for (const [i, parcel] of refused.entries()) {
    const burial = burials[i];
    if (burial?.taken) parcel.fate = 'buried';
    else failed ??= stuck(parcel.id, burial?.reason ?? 'its answer does not say so');
  }
  if (failed !== undefined) throw failed;
}

function letterOf({ body, reason, packed }: Parcel): DeadLetter {
  const instance = text(packed?.artifact.metadata, 'instance');
  const stream = text(packed?.artifact.metadata, 'stream');
  return { body: body(), reason: String(reason), ...(instance && { instance }), ...(stream && { stream }) };
}

/** What breaks the schema was refused by us. */
function refusedInARow(parcels: readonly Parcel[], { refused }: Streak): number {
  const posted = parcels.filter(({ packed }) => packed !== undefined);
  if (posted.some(({ fate }) => fate === 'accepted')) return 0;
  return refused + posted.filter(({ fate }) => fate === 'buried').length;
}

/** Accepted before this run, or in several messages of it. */
function repeatsAmong(parcels: readonly Parcel[]): number {
  return parcels
    .filter(({ fate }) => fate === 'repeat' || fate === 'accepted')
    .reduce((sum, { fate, messages }) => sum + messages.length - (fate === 'accepted' ? 1 : 0), 0);
}

function errorOf(step: Promise<void>): Promise<unknown> {
  return step.then(
    () => undefined,
    (error: unknown) => error ?? new Error('unknown'),
  );
}
