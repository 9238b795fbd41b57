import { bodyOf, type PackedArtifact, packArtifact, packRequests } from '../deliver/packing.ts';
import { CollectorError, OutOfTimeError, UnreachableError } from '../errors.ts';
import { messageOf } from '../health/status.ts';
import { inParallel } from '../kit/concurrency.ts';
import { backoffMs, type Retry, retrying, within } from '../kit/pacing.ts';
import {
  EverythingRefusedError,
  HeavyReplyError,
  RequestRefusedError,
  StuckMessageError,
  UnreadableReplyError,
} from './errors.ts';
import type { Parcel } from './parcels.ts';
import type { ForwardPorts, Receipt, Search } from './ports.ts';
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

type Posted = Parcel & { readonly packed: PackedArtifact };

/** A request that takes longer is given up; Analytics may have taken it all the same. */
const longestRequestMs = 30_000;

/** With less than this none begins: one that is given up for our own lack of time would be posted twice. */
const shortestRequestMs = 10_000;

/** Each may have to be searched for within a run. */
const mostArtifacts = 500;

/** What came back so often is posted in requests of fewer: whatever is wrong is then found sooner. */
const [oftenReceived, fewArtifacts] = [3, 50];

/** More than so many refused and none accepted between is no matter of single artifacts. */
const mostRefused = 10;

/** Analytics indexes what it has accepted in its own time. */
const searchRounds = 4;

const searchesAtOnce = 8;

/** Without an answer to a search, what was accepted is posted again: allowed, where no end is not. */
const searchTries = 3;

/** An artifact is searched for so far around its time. */
const searchMarginMs = 60 * 60 * 1000;

/** Analytics searches by event time for events that were no older on arrival, else by arrival. */
const eventTimeMs = 30 * 24 * 60 * 60 * 1000;

/** A page holds whole records. */
const searchPage = 50;

const searchPages = 10;

/**
 * Eight at once, each as bytes, as text and parsed, are some 100 MiB. One artifact fits: in its message it has 1 MiB at
 * most, and a printer that escapes every letter beyond ASCII makes three of it.
 */
const searchBytes = 4 * 1024 * 1024;

/**
 * Posts parcels to Analytics and sets the fate of each. Throws what stopped it, or what kept a single parcel from
 * being posted; whatever was not decided stays open.
 */
export async function ingest(parcels: readonly Parcel[], ingestion: Ingestion): Promise<void> {
  const open = parcels.filter(
    (parcel): parcel is Posted => parcel.packed !== undefined && parcel.fate === 'open',
  );
  const isElsewhere = ({ packed }: Posted) => packed.artifact.metadata.rawLocation !== undefined;
  const here = open.filter((parcel) => !isElsewhere(parcel));
  const { requestBytes } = ingestion;
  const requests = [
    ...packRequests(
      here.filter((parcel) => !isFrequent(parcel)),
      requestBytes,
      mostArtifacts,
    ),
    ...packRequests(here.filter(isFrequent), requestBytes, fewArtifacts),
  ];
  const settled = () => guard(open, ingestion);
  for (const request of requests) await settle(request, ingestion, settled);
  let stuck: StuckMessageError | undefined;
  for (const parcel of open.filter(isElsewhere)) {
    try {
      if (!(await isTakenWhole(parcel, ingestion))) await settle([parcel], ingestion, settled);
    } catch (error) {
      if (!(error instanceof StuckMessageError)) throw error;
      stuck ??= error;
    }
  }
  if (stuck !== undefined) throw stuck;
}

/** Posts parcels in one request and, as far as that is not taken, in smaller ones. */
async function settle(request: readonly Posted[], ingestion: Ingestion, settled: () => void): Promise<void> {
  const [first, ...others] = request;
  if (first === undefined) return;
  const receipt = await send(
    request.map(({ packed }) => packed),
    ingestion,
  );
  if (receipt.accepted >= request.length) {
    for (const parcel of request) parcel.fate = 'accepted';
  } else if (others.length === 0) {
    if (!receipt.whole && receipt.rejected === 0)
      throw new UnreadableReplyError(`Analytics neither accepts nor rejects ${first.id}`);
    first.fate = 'refused';
    first.reason = receipt.whole
      ? `Analytics refuses it: ${receipt.message}`
      : `Analytics rejects it and says only: ${receipt.message}`;
    settled();
  } else if (receipt.whole) {
    const half = Math.ceil(request.length / 2);
    await settle(request.slice(0, half), ingestion, settled);
    await settle(request.slice(half), ingestion, settled);
  } else {
    await findAccepted(request, receipt, ingestion);
    for (const parcel of openOf(request)) await settle([parcel], ingestion, settled);
  }
}

/** Takes refusals back, and throws, where everything is refused, now and in the runs before. */
function guard(open: readonly Parcel[], { streak }: Ingestion): void {
  const refused = refusedOf(open);
  const inAll = streak.refused + refused.length;
  if (inAll <= mostRefused || isAnyAccepted(open)) return;
  for (const parcel of refused) parcel.fate = 'open';
  throw new EverythingRefusedError(
    `Analytics has accepted none of the last ${inAll} artifacts. ${refused[0]?.reason}`,
  );
}

const openOf = <P extends Parcel>(parcels: readonly P[]) => parcels.filter(({ fate }) => fate === 'open');

const refusedOf = (parcels: readonly Parcel[]) => parcels.filter(({ fate }) => fate === 'refused');

const isAnyAccepted = (parcels: readonly Parcel[]) => parcels.some(({ fate }) => fate === 'accepted');

function isFrequent({ messages }: Parcel): boolean {
  return messages.some(({ receives }) => receives > oftenReceived);
}

/** Whether Analytics accepts the artifact with its record from the overflow bucket. */
async function isTakenWhole(parcel: Posted, ingestion: Ingestion): Promise<boolean> {
  const { ports, tally } = ingestion;
  const { artifact } = parcel.packed;
  const location = String(artifact.metadata.rawLocation);
  const timeoutMs = requestMs(ingestion);
  const raw = await within(timeoutMs, () => ports.overflow.get(location), ports.clock).catch(
    (error: unknown) => {
      throw new StuckMessageError(`${location} can't be read: ${String(error)}`, { cause: error });
    },
  );
  if (raw === undefined) return false;
  const whole = [packArtifact({ ...artifact, raw })];
  if (!isFrequent(parcel)) return isAccepted(await send(whole, ingestion), parcel);
  try {
    return isAccepted(await send(whole, ingestion, 1), parcel);
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    tally.warnings.add(
      `${parcel.id} is posted without its record, which is at ${location}: ${error.message}`,
    );
    return false;
  }
}

function isAccepted({ accepted }: Reply, parcel: Posted): boolean {
  if (accepted > 0) parcel.fate = 'accepted';
  return accepted > 0;
}

/** A receipt, or the refusal of a request as a `whole`. */
type Reply = Receipt & { readonly whole: boolean };

async function send(
  artifacts: readonly PackedArtifact[],
  ingestion: Ingestion,
  tries = Number.POSITIVE_INFINITY,
): Promise<Reply> {
  const { ports, session, tally } = ingestion;
  const body = bodyOf({ artifacts });
  const once = (token: string, timeoutMs: number) => {
    tally.requests += 1;
    tally.posted += artifacts.length;
    return ports.analytics.ingest(token, body, timeoutMs);
  };
  try {
    const receipt = await patiently(() => session.with(once, () => requestMs(ingestion)), tries, ingestion);
    return { ...receipt, whole: false };
  } catch (error) {
    if (!(error instanceof RequestRefusedError)) throw error;
    return { accepted: 0, rejected: artifacts.length, message: error.message, whole: true };
  }
}

/** Sets the fate of those that Analytics finds. Whatever keeps it from searching is only a warning. */
async function findAccepted(
  request: readonly Posted[],
  { accepted }: Receipt,
  ingestion: Ingestion,
): Promise<void> {
  const { tally, ports } = ingestion;
  const isDone = () => openOf(request).length <= request.length - accepted;
  try {
    for (let round = 1; round <= searchRounds && !isDone(); round++) {
      if (round > 1) await ports.clock.sleep(1_000 * 2 ** (round - 2));
      await inParallel(openOf(request), searchesAtOnce, async (parcel) => {
        if (await isFound(parcel, ingestion)) parcel.fate = 'accepted';
      });
    }
  } catch (error) {
    if (error instanceof OutOfTimeError) throw error;
    const remedy = error instanceof CollectorError ? ` ${error.remedy}` : '';
    tally.warnings.add(`what Analytics accepted can't be found out: ${messageOf(error)}.${remedy}`);
  }
}

/** By its record's id, because that is one word in any search; other versions and mentions of it are found as well. */
async function isFound({ id, packed }: Posted, ingestion: Ingestion): Promise<boolean> {
  const { session, ports } = ingestion;
  const { timestamp, metadata } = packed.artifact;
  const around = stretch(timestamp, ports.clock.now());
  let [limit, offset] = [searchPage, 0];
  for (let page = 0; page < searchPages; page++) {
    const search = { query: String(metadata.recordId), ...around, limit, offset, maxBytes: searchBytes };
    const ids = await patiently(
      () =>
        session.with(
          (token, timeoutMs) => ports.analytics.search(token, search, timeoutMs),
          () => requestMs(ingestion),
        ),
      searchTries,
      ingestion,
    ).catch((error: unknown) => {
      if (!(error instanceof HeavyReplyError) || limit === 1) throw error;
    });
    if (ids === undefined) {
      limit = Math.floor(limit / 2);
      continue;
    }
    if (ids.includes(id)) return true;
    if (ids.length < limit) return false;
    offset += limit;
  }
  return false;
}

/** Where Analytics puts what was accepted just now: at its own time, at its arrival, or in doubt between. */
function stretch(timestamp: string | undefined, now: number): Pick<Search, 'start' | 'end'> {
  const eventAt = Date.parse(timestamp ?? '');
  const at = Number.isNaN(eventAt) ? now : eventAt;
  const age = now - at;
  const start = age > eventTimeMs + searchMarginMs ? now : Math.min(at, now);
  const end = age < eventTimeMs - searchMarginMs ? at : now;
  return {
    start: new Date(start - searchMarginMs).toISOString(),
    end: new Date(end + searchMarginMs).toISOString(),
  };
}

function patiently<T>(
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

function requestMs({ remainingMs }: Ingestion): number {
  const timeoutMs = Math.min(longestRequestMs, remainingMs());
  if (timeoutMs < shortestRequestMs) throw new OutOfTimeError();
  return timeoutMs;
}
