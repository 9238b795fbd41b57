import { OutOfTimeError } from '../errors.ts';
import { UnreadableReplyError } from './errors.ts';
import { bodyOf, type Posted } from './queued-artifacts.ts';
import { type Ingestion, type Result, send } from './request.ts';
import { findAccepted } from './search.ts';

/** Posts artifacts in one request. If some are not accepted, posts those in smaller requests. */
export async function* postInParts(
  request: readonly Posted[],
  tries: number,
  ingestion: Ingestion,
): AsyncGenerator<Result> {
  const [first, ...others] = request;
  if (first === undefined) return;
  const artifacts = request.map(({ packed }) => packed);
  const reply = await send(bodyOf(artifacts), request.length, tries, ingestion);
  if (reply.accepted >= request.length) {
    for (const item of request) yield { accepted: item };
  } else if (others.length === 0) {
    if (!reply.whole && reply.rejected === 0)
      throw new UnreadableReplyError(`Analytics neither accepts nor rejects ${first.id}`);
    const reason = reply.whole
      ? `Analytics refuses it: ${reply.message}`
      : `Analytics rejects it and says only: ${reply.message}`;
    yield { refused: first, reason };
  } else if (reply.whole) {
    const half = Math.ceil(request.length / 2);
    yield* postInParts(request.slice(0, half), tries, ingestion);
    yield* postInParts(request.slice(half), tries, ingestion);
  } else {
    const { found, error } = await findAccepted(request, reply.accepted, ingestion);
    for (const item of found) yield { accepted: item };
    if (error instanceof OutOfTimeError) throw error;
    if (error !== undefined) yield { warning: error.message };
    for (const item of request) if (!found.has(item)) yield* postInParts([item], tries, ingestion);
  }
}
