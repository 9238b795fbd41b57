import { CollectorError, OutOfTimeError, problemOf } from '../errors.ts';
import { inParallel } from '../kit/concurrency.ts';
import { HeavyReplyError } from './errors.ts';
import { openOf, type Posted } from './parcels.ts';
import type { Receipt, Search } from './ports.ts';
import { type Ingestion, patiently, requestMs } from './request.ts';

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

/** Sets the fate of those that Analytics finds. Whatever keeps it from searching is only a warning. */
export async function findAccepted(
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
    tally.warnings.add(`what Analytics accepted can't be found out: ${problemOf(error).message}.${remedy}`);
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
