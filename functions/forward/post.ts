import { EverythingRefusedError } from './errors.ts';
import { ingest } from './ingest.ts';
import type { Posted, Refused } from './queued-artifacts.ts';
import type { Ingestion } from './request.ts';

/** If more are refused and none is accepted, the cause is not a single artifact. */
const maxRefused = 10;

/** What became of the artifacts that were posted. All others have to be posted again. */
export interface Posting {
  readonly accepted: readonly Posted[];
  readonly refused: readonly Refused[];
  readonly warnings: readonly string[];
  /** What ended the work, or kept an artifact from being posted. */
  readonly error: unknown;
}

/**
 * Posts artifacts. If Analytics refuses everything, in this run and before, none of them counts as refused.
 * @param refusedBefore artifacts that Analytics refused since it last accepted one
 */
export async function post(
  items: readonly Posted[],
  refusedBefore: number,
  ingestion: Omit<Ingestion, 'onRequest'>,
): Promise<Posting & { readonly requests: readonly number[] }> {
  const accepted: Posted[] = [];
  const refused: Refused[] = [];
  const warnings: string[] = [];
  const requests: number[] = [];
  const onRequest = (artifacts: number) => requests.push(artifacts);
  try {
    for await (const result of ingest(items, { ...ingestion, onRequest })) {
      if ('warning' in result) warnings.push(result.warning);
      else if ('accepted' in result) accepted.push(result.accepted);
      else refused.push({ item: result.refused, reason: result.reason });
      const inAll = refusedBefore + refused.length;
      if (refused.length > 0 && accepted.length === 0 && inAll > maxRefused)
        throw new EverythingRefusedError(
          `Analytics has accepted none of the last ${inAll} artifacts. ${refused[0]?.reason}`,
        );
    }
    return { accepted, refused, warnings, requests, error: undefined };
  } catch (error) {
    const kept = error instanceof EverythingRefusedError ? [] : refused;
    return { accepted, refused: kept, warnings, requests, error: error ?? new Error('unknown') };
  }
}
