import { bodyOf, type PackedArtifact, packArtifact, packRequests } from '../deliver/packing.ts';
import { UnreachableError } from '../errors.ts';
import { within } from '../kit/pacing.ts';
import {
  EverythingRefusedError,
  RequestRefusedError,
  StuckMessageError,
  UnreadableReplyError,
} from './errors.ts';
import { openOf, type Parcel, type Posted } from './parcels.ts';
import type { Receipt } from './ports.ts';
import { type Ingestion, patiently, requestMs } from './request.ts';
import { findAccepted } from './search.ts';

/** Each may have to be searched for within a run. */
const mostArtifacts = 500;

/** What came back so often is posted in requests of fewer: whatever is wrong is then found sooner. */
const [oftenReceived, fewArtifacts] = [3, 50];

/** More than so many refused and none accepted between is no matter of single artifacts. */
const mostRefused = 10;

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
