import { CollectorError, OutOfTimeError, problemOf } from '../errors.ts';
import { inParallel } from '../kit/concurrency.ts';
import { HeavyReplyError } from './errors.ts';
import type { Search } from './ports.ts';
import type { Posted } from './queued-artifacts.ts';
import { type Ingestion, requestMs, withRetries } from './request.ts';

/** Searches are repeated, because Analytics takes time to index accepted artifacts. */
const searchRounds = 4;

const searchesAtOnce = 8;

/** After this many failed searches, artifacts are posted again. Repeats are allowed; an endless loop is not. */
const searchTries = 3;

/** The search range extends this far before and after the artifact's time. */
const searchMarginMs = 60 * 60 * 1000;

/** Analytics searches events that were older than this on arrival by arrival time, and all others by event time. */
const eventTimeMs = 30 * 24 * 60 * 60 * 1000;

/** Small, because each result contains the whole record. */
const searchPage = 50;

const searchPages = 10;

/**
 * Eight answers in parallel, each as bytes, as text and parsed, take about 100 MiB. One artifact always fits: it has at
 * most 1 MiB in its message, and three times that if Analytics escapes all non-ASCII characters.
 */
const searchBytes = 4 * 1024 * 1024;

/**
 * The result of a search. `error` is set if it did not finish; it is an OutOfTimeError if the run has no time left.
 */
interface Findings {
  readonly found: ReadonlySet<Posted>;
  readonly error: Error | undefined;
}

/** Searches for the artifacts of a request until it has found as many as Analytics accepted. */
export async function findAccepted(
  request: readonly Posted[],
  accepted: number,
  ingestion: Ingestion,
): Promise<Findings> {
  const found = new Set<Posted>();
  try {
    for (let round = 1; round <= searchRounds && found.size < accepted; round++) {
      if (round > 1) await ingestion.ports.clock.sleep(1_000 * 2 ** (round - 2));
      const open = request.filter((item) => !found.has(item));
      await inParallel(open, searchesAtOnce, async (item) => {
        if (await isFound(item, ingestion)) found.add(item);
      });
    }
    return { found, error: undefined };
  } catch (error) {
    if (error instanceof OutOfTimeError) return { found, error };
    const remedy = error instanceof CollectorError ? ` ${error.remedy}` : '';
    const words = `what Analytics accepted can't be found out: ${problemOf(error).message}.${remedy}`;
    return { found, error: new Error(words) };
  }
}

/** Searches by record id, which is a single search term. The results can include other versions and mentions. */
async function isFound({ id, packed }: Posted, ingestion: Ingestion): Promise<boolean> {
  const { session, ports } = ingestion;
  const { timestamp, metadata } = packed.artifact;
  const around = searchRange(timestamp, ports.clock.now());
  let [limit, offset] = [searchPage, 0];
  for (let page = 0; page < searchPages; page++) {
    const search = { query: String(metadata.recordId), ...around, limit, offset, maxBytes: searchBytes };
    const ids = await withRetries(
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

/** The time range to search: the event time, the arrival time, or both if the age is close to the limit. */
function searchRange(timestamp: string | undefined, now: number): Pick<Search, 'start' | 'end'> {
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
