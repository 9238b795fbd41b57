import { OutOfTimeError, UnreachableError } from './errors.ts';
import {
  EverythingRefusedError,
  PermissionRefusedError,
  RequestRefusedError,
  StuckMessageError,
} from './forward-errors.ts';
import type { ForwardPorts, Receipt } from './forward-ports.ts';
import { bodyOf, type PackedArtifact, packArtifact, packRequests } from './packing.ts';
import type { Parcel } from './parcels.ts';
import { backoffMs, type Retry, retrying } from './retry.ts';
import type { Session } from './session.ts';
import { inTurns } from './turns.ts';

export interface Ingestion {
  /** UTF-8 bytes that requests are filled up to. */
  readonly requestBytes: number;
  readonly ports: Pick<ForwardPorts, 'analytics' | 'overflow' | 'clock'>;
  readonly session: Session;
  /** Until requests have to have ended. */
  readonly remainingMs: () => number;
  readonly tally: IngestTally;
}

/** What was done, kept while it happens: it holds when an error ends it. */
export interface IngestTally {
  requests: number;
  /** Artifacts, each time that they were posted. */
  posted: number;
  /** Why artifacts may be accepted twice, where nothing else would say so. */
  readonly warnings: Set<string>;
}

type Posted = Parcel & { readonly packed: PackedArtifact };

/** A request that takes longer is given up; Analytics may have taken it all the same. */
const longestRequestMs = 30_000;
const shortestRequestMs = 1_000;
/** Each may have to be searched for within a run. */
const mostArtifacts = 500;
/** What came back so often is posted in requests of fewer: whatever is wrong is then found sooner. */
const [oftenReceived, fewArtifacts] = [3, 50];
/** So many refused and none accepted is no matter of single artifacts. */
const mostRefused = 10;
/** Analytics indexes what it has accepted in its own time. */
const searchRounds = 4;
const searchesAtOnce = 8;
/** An artifact is searched for so far around its time and ours. */
const searchMarginMs = 60 * 60 * 1000;
const searchPage = 100;

/**
 * Posts parcels to Analytics and sets the fate of each. Throws what stopped it, or what kept a single parcel from
 * being posted; whatever was not decided stays open.
 */
export async function ingest(parcels: readonly Parcel[], ingestion: Ingestion): Promise<void> {
  const open = parcels.filter(
    (parcel): parcel is Posted => parcel.packed !== undefined && parcel.fate === 'open',
  );
  const isElsewhere = ({ packed }: Posted) => packed.artifact.metadata.rawLocation !== undefined;
  const isFrequent = ({ messages }: Posted) => messages.some(({ receives }) => receives > oftenReceived);
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
  const settled = () => guard(open);
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
  const receipt = await post(
    request.map(({ packed }) => packed),
    ingestion,
  );
  if (receipt.accepted >= request.length) {
    for (const parcel of request) parcel.fate = 'accepted';
  } else if (others.length === 0) {
    first.fate = 'refused';
    first.reason = `Analytics refuses it: ${receipt.message}`;
    settled();
  } else if (receipt.whole) {
    const half = Math.ceil(request.length / 2);
    await settle(request.slice(0, half), ingestion, settled);
    await settle(request.slice(half), ingestion, settled);
  } else {
    const missing = await missingOf(request, receipt, ingestion);
    for (const parcel of request) if (!missing.has(parcel)) parcel.fate = 'accepted';
    for (const parcel of missing) await settle([parcel], ingestion, settled);
  }
}

/** Takes refusals back, and throws, where everything is refused. */
function guard(open: readonly Parcel[]): void {
  const refused = open.filter(({ fate }) => fate === 'refused');
  if (refused.length <= mostRefused || open.some(({ fate }) => fate === 'accepted')) return;
  for (const parcel of refused) parcel.fate = 'open';
  throw new EverythingRefusedError(
    `Analytics accepts none of ${refused.length} artifacts. ${refused[0]?.reason}`,
  );
}

/** Whether Analytics accepts the artifact with its record from the overflow bucket. */
async function isTakenWhole(parcel: Posted, ingestion: Ingestion): Promise<boolean> {
  const { artifact } = parcel.packed;
  const location = String(artifact.metadata.rawLocation);
  const raw = await ingestion.ports.overflow.get(location).catch((error: unknown) => {
    throw new StuckMessageError(`${location} can't be read: ${String(error)}`, { cause: error });
  });
  if (raw === undefined) return false;
  const { accepted } = await post([packArtifact({ ...artifact, raw })], ingestion);
  if (accepted > 0) parcel.fate = 'accepted';
  return accepted > 0;
}

/** A receipt, or the refusal of a request as a `whole`. */
type Reply = Receipt & { readonly whole: boolean };

async function post(artifacts: readonly PackedArtifact[], ingestion: Ingestion): Promise<Reply> {
  const { ports, session, tally } = ingestion;
  const body = bodyOf({ artifacts });
  const once = async () => {
    const timeoutMs = requestMs(ingestion);
    tally.requests += 1;
    tally.posted += artifacts.length;
    return session.with((token) => ports.analytics.ingest(token, body, timeoutMs), timeoutMs);
  };
  try {
    return { ...(await patiently(once, ingestion)), whole: false };
  } catch (error) {
    if (!(error instanceof RequestRefusedError)) throw error;
    return { accepted: 0, rejected: artifacts.length, message: error.message, whole: true };
  }
}

/** Which parcels Analytics does not find: all, where it lets nobody search. */
async function missingOf(
  request: readonly Posted[],
  { accepted }: Receipt,
  ingestion: Ingestion,
): Promise<ReadonlySet<Posted>> {
  const missing = new Set(request);
  const { clock } = ingestion.ports;
  try {
    for (let round = 1; round <= searchRounds && missing.size > request.length - accepted; round++) {
      if (round > 1) await clock.sleep(1_000 * 2 ** (round - 2));
      await inTurns([...missing], searchesAtOnce, async (parcel) => {
        if (await isFound(parcel, ingestion)) missing.delete(parcel);
        return false;
      });
    }
    return missing;
  } catch (error) {
    if (!(error instanceof PermissionRefusedError || error instanceof RequestRefusedError)) throw error;
    const remedy = error instanceof PermissionRefusedError ? ` ${error.remedy}` : '';
    ingestion.tally.warnings.add(`what Analytics accepted can't be found out: ${error.message}.${remedy}`);
    return new Set(request);
  }
}

/** By its record's id, because that is one word in any search; other versions and mentions of it are found as well. */
async function isFound({ id, packed }: Posted, ingestion: Ingestion): Promise<boolean> {
  const { session, ports } = ingestion;
  const { timestamp, metadata } = packed.artifact;
  const now = ports.clock.now();
  const at = timestamp === undefined ? now : Date.parse(timestamp);
  const around = {
    query: String(metadata.recordId),
    start: new Date(Math.min(at, now) - searchMarginMs).toISOString(),
    end: new Date(Math.max(at, now) + searchMarginMs).toISOString(),
    limit: searchPage,
  };
  for (let offset = 0; ; offset += searchPage) {
    const search = { ...around, offset };
    const ids = await patiently(() => {
      const timeoutMs = requestMs(ingestion);
      return session.with((token) => ports.analytics.search(token, search, timeoutMs), timeoutMs);
    }, ingestion);
    if (ids.includes(id)) return true;
    if (ids.length < searchPage) return false;
  }
}

function patiently<T>(operation: () => Promise<T>, { ports, remainingMs }: Ingestion): Promise<T> {
  const retry: Retry = {
    whether: (error) => error instanceof UnreachableError,
    howLong: (error, failures) =>
      Math.max(
        (error as UnreachableError).retryAfterMs ?? 0,
        backoffMs(failures, 1_000, 10_000, ports.clock),
      ),
    howMany: Number.POSITIVE_INFINITY,
  };
  return retrying(operation, retry, ports.clock, remainingMs);
}

function requestMs({ remainingMs }: Ingestion): number {
  const timeoutMs = Math.min(longestRequestMs, remainingMs());
  if (timeoutMs < shortestRequestMs) throw new OutOfTimeError();
  return timeoutMs;
}
