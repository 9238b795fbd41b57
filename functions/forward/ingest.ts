import { bodyOf, type PackedArtifact, packArtifact, packRequests } from '../deliver/packing.ts';
import { UnreachableError } from '../errors.ts';
import { within } from '../kit/pacing.ts';
import {
  EverythingRefusedError,
  RequestRefusedError,
  StuckMessageError,
  UnreadableReplyError,
} from './errors.ts';
import type { Receipt } from './ports.ts';
import { openOf, type Posted, type QueuedArtifact } from './queued-artifacts.ts';
import { type Ingestion, requestMs, withRetries } from './request.ts';
import { findAccepted } from './search.ts';

/** The run may have to search for each of them. */
const maxArtifacts = 500;

/** Artifacts that were received more often than this are posted in smaller requests, so that a bad one is found sooner. */
const [oftenReceived, fewArtifacts] = [3, 50];

/** If more are refused and none is accepted, the cause is not a single artifact. */
const maxRefused = 10;

/**
 * Posts artifacts to Analytics and sets the status of each. Throws the error that ended the work, or that kept one
 * artifact from being posted. Artifacts without a result stay open.
 */
export async function ingest(items: readonly QueuedArtifact[], ingestion: Ingestion): Promise<void> {
  const open = items.filter((item): item is Posted => item.packed !== undefined && item.status === 'open');
  const isElsewhere = ({ packed }: Posted) => packed.artifact.metadata.rawLocation !== undefined;
  const here = open.filter((item) => !isElsewhere(item));
  const { requestBytes } = ingestion;
  const requests = [
    ...packRequests(
      here.filter((item) => !isOftenReceived(item)),
      requestBytes,
      maxArtifacts,
    ),
    ...packRequests(here.filter(isOftenReceived), requestBytes, fewArtifacts),
  ];
  const afterRefusal = () => checkRefusals(open, ingestion);
  for (const request of requests) await postInParts(request, ingestion, afterRefusal);
  let stuck: StuckMessageError | undefined;
  for (const item of open.filter(isElsewhere)) {
    try {
      if (!(await isAcceptedWithRecord(item, ingestion))) await postInParts([item], ingestion, afterRefusal);
    } catch (error) {
      if (!(error instanceof StuckMessageError)) throw error;
      stuck ??= error;
    }
  }
  if (stuck !== undefined) throw stuck;
}

/** Posts artifacts in one request. If some are not accepted, posts those in smaller requests. */
async function postInParts(
  request: readonly Posted[],
  ingestion: Ingestion,
  afterRefusal: () => void,
): Promise<void> {
  const [first, ...others] = request;
  if (first === undefined) return;
  const receipt = await send(
    request.map(({ packed }) => packed),
    ingestion,
  );
  if (receipt.accepted >= request.length) {
    for (const item of request) item.status = 'accepted';
  } else if (others.length === 0) {
    if (!receipt.whole && receipt.rejected === 0)
      throw new UnreadableReplyError(`Analytics neither accepts nor rejects ${first.id}`);
    first.status = 'refused';
    first.reason = receipt.whole
      ? `Analytics refuses it: ${receipt.message}`
      : `Analytics rejects it and says only: ${receipt.message}`;
    afterRefusal();
  } else if (receipt.whole) {
    const half = Math.ceil(request.length / 2);
    await postInParts(request.slice(0, half), ingestion, afterRefusal);
    await postInParts(request.slice(half), ingestion, afterRefusal);
  } else {
    await findAccepted(request, receipt, ingestion);
    for (const item of openOf(request)) await postInParts([item], ingestion, afterRefusal);
  }
}

/** Throws if Analytics refuses everything, in this run and before; the refused artifacts are then open again. */
function checkRefusals(open: readonly QueuedArtifact[], { streak }: Ingestion): void {
  const refused = refusedOf(open);
  const inAll = streak.refused + refused.length;
  if (inAll <= maxRefused || isAnyAccepted(open)) return;
  for (const item of refused) item.status = 'open';
  throw new EverythingRefusedError(
    `Analytics has accepted none of the last ${inAll} artifacts. ${refused[0]?.reason}`,
  );
}

const refusedOf = (items: readonly QueuedArtifact[]) => items.filter(({ status }) => status === 'refused');

const isAnyAccepted = (items: readonly QueuedArtifact[]) => items.some(({ status }) => status === 'accepted');

function isOftenReceived({ messages }: QueuedArtifact): boolean {
  return messages.some(({ receives }) => receives > oftenReceived);
}

/** Posts an artifact together with its record from the overflow bucket; returns whether it was accepted. */
async function isAcceptedWithRecord(item: Posted, ingestion: Ingestion): Promise<boolean> {
  const { ports, report } = ingestion;
  const { artifact } = item.packed;
  const location = String(artifact.metadata.rawLocation);
  const timeoutMs = requestMs(ingestion);
  const raw = await within(timeoutMs, () => ports.overflow.get(location), ports.clock).catch(
    (error: unknown) => {
      throw new StuckMessageError(`${location} can't be read: ${String(error)}`, { cause: error });
    },
  );
  if (raw === undefined) return false;
  const whole = [packArtifact({ ...artifact, raw })];
  if (!isOftenReceived(item)) return isAccepted(await send(whole, ingestion), item);
  try {
    return isAccepted(await send(whole, ingestion, 1), item);
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    report.warnings.add(`${item.id} is posted without its record, which is at ${location}: ${error.message}`);
    return false;
  }
}

function isAccepted({ accepted }: Reply, item: Posted): boolean {
  if (accepted > 0) item.status = 'accepted';
  return accepted > 0;
}

/** A receipt. `whole` means that the entire request was refused. */
type Reply = Receipt & { readonly whole: boolean };

async function send(
  artifacts: readonly PackedArtifact[],
  ingestion: Ingestion,
  tries = Number.POSITIVE_INFINITY,
): Promise<Reply> {
  const { ports, session, report } = ingestion;
  const body = bodyOf({ artifacts });
  const once = (token: string, timeoutMs: number) => {
    report.requests += 1;
    report.posted += artifacts.length;
    return ports.analytics.ingest(token, body, timeoutMs);
  };
  try {
    const receipt = await withRetries(() => session.with(once, () => requestMs(ingestion)), tries, ingestion);
    return { ...receipt, whole: false };
  } catch (error) {
    if (!(error instanceof RequestRefusedError)) throw error;
    return { accepted: 0, rejected: artifacts.length, message: error.message, whole: true };
  }
}
