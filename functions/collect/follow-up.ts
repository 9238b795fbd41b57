import type { Connection } from '../console/connection.ts';
import type { Record } from '../console/record.ts';
import { countsAccepted } from '../health/receipt.ts';
import type { Coverage, Status } from '../health/status.ts';
import type { Instance } from '../instances/instance.ts';
import type { Clock } from '../kit/clock.ts';
import type { Timestamp } from '../kit/time.ts';
import type { Stream } from '../streams/stream.ts';
import { shortestPageMs } from './bounds/times.ts';
import type { Cursor } from './cursor.ts';
import { isCoverageDue, isExpiryDue } from './due.ts';
import { checkHours, type HoursChecked, isCheckDue } from './ledger/ledger.ts';
import type { Claim, Ledger } from './ports.ts';
import type { Repeats } from './repeats.ts';
import type { Settings } from './settings.ts';

/** What a poll asks a console for after its pages, now and then and while there is time. */
export interface FollowUpContext {
  readonly stream: Stream;
  readonly instance: Instance;
  readonly claim: Claim;
  readonly status: Partial<Status>;
  readonly connection: Connection;
  readonly repeats: Repeats;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly settings: Settings;
  /** Milliseconds until requests have to have ended. */
  readonly remainingMs: () => number;
  /** Whether other instances wait for their turn. */
  readonly isContended: () => boolean;
  /** Delivers records, including those that were delivered before. */
  readonly deliver: (records: readonly Record[]) => Promise<void>;
  readonly renewClaim: () => Promise<void>;
}

/** While other instances wait, hours are checked for so long, and the rest by the next poll. */
const longestCheckMs = 60_000;

const hasTime = ({ remainingMs }: FollowUpContext) => remainingMs() >= shortestPageMs;

/** Asks when the token expires; the connection keeps the answer. */
export async function askExpiryIfDue(context: FollowUpContext): Promise<void> {
  const { status, connection, clock } = context;
  if (hasTime(context) && isExpiryDue(status, connection.knowledge, clock.now()))
    await connection.askExpiry();
}

/** Asks what the console has that is not collected. Undefined if that is not due. */
export async function coverageIfDue(context: FollowUpContext): Promise<Coverage | undefined> {
  const { status, instance, stream, settings, connection, clock } = context;
  const isDue = hasTime(context) && isCoverageDue(status, instance, stream, settings, clock.now());
  return isDue ? connection.coverage() : undefined;
}

/**
 * Checks the hours that have passed since the last check against the console's counts. Undefined if none has.
 * @param start the cursor before the poll
 * @param end the cursor after it, with no listing open
 * @param checkedUntil every hour before it was checked; undefined if none was
 */
export async function checkHoursIfDue(
  start: Cursor,
  end: Cursor,
  checkedUntil: Timestamp | undefined,
  context: FollowUpContext,
): Promise<HoursChecked | undefined> {
  const { stream, claim, connection, repeats, ledger, clock, settings, deliver, renewClaim } = context;
  const { overlapMs, hoursPerPoll } = settings;
  const until = readUntil(stream, start, end);
  if (stream.created === undefined || hoursPerPoll === 0 || until === undefined) return undefined;
  if (!isCheckDue(checkedUntil, until, overlapMs)) return undefined;
  const isForwarded = settings.forwards && countsAccepted(stream);
  const checkedSince = clock.now();
  const takeRequest = () =>
    hasTime(context) && (clock.now() - checkedSince < longestCheckMs || !context.isContended());
  const bounds = { overlapMs, hoursPerPoll, isForwarded, takeRequest };
  const check = { key: claim, connection, repeats, ledger, deliver, renewClaim, ...bounds };
  return checkHours({ ...end, position: until }, checkedUntil, check, clock);
}

/**
 * Returns the time before which every record was read. A record that changes during a listing may be left to the next
 * listing. For such streams, that is the position before this listing.
 */
function readUntil({ orderedBy }: Stream, start: Cursor, end: Cursor): Timestamp | undefined {
  if (orderedBy !== 'updatedAt') return end.position;
  return start.listing === undefined ? start.position : undefined;
}
