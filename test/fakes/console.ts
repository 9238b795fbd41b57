import type { Answer, PageRequest, SentinelOne } from '../../functions/console/api.ts';
import { RefusedRequestError, TokenRefusedError } from '../../functions/errors.ts';

/** A record as a console shows it at some moment. */
export interface ShownRecord {
  readonly id: string;
  /** What the listing is ordered and filtered by, with six fraction digits. */
  readonly time: string;
  /** When it was created, if that is another time. */
  readonly created?: string;
  readonly text: string;
  readonly siteId?: string;
}

/** A console's API in memory: filters, sort and keyset page tokens as the vendor's, over whatever it shows now. */
export class FakeConsole implements SentinelOne {
  /** By path; what is shown may change between two requests. */
  readonly shown: (path: string) => readonly ShownRecord[];
  tokens: ReadonlySet<string>;
  readonly nowMs: () => number;
  /** It may hand out fewer records than the limit. */
  pageCap = 1000;
  /** The last page has a page token as well, and so has the empty one behind it: another one each time. */
  isEndless = () => false;
  #tokens = 0;

  constructor(
    shown: (path: string) => readonly ShownRecord[],
    tokens: Iterable<string>,
    nowMs: () => number,
  ) {
    this.shown = shown;
    this.tokens = new Set(tokens);
    this.nowMs = nowMs;
  }

  async get({ token, path, query, json }: PageRequest): Promise<Answer> {
    if (!this.tokens.has(token)) throw new TokenRefusedError('401');
    if (path === '/system/info') return this.answer('{"data":{}}');
    if (json !== undefined) return this.answer(this.#graphql(path, json as unknown as GraphqlBody));
    const key = keyOf(query.cursor);
    const limit = Math.min(Number(query.limit), this.pageCap);
    const within = (name: string, time: string) =>
      time >= (query[`${name}__gte`] ?? '') &&
      time > (query[`${name}__gt`] ?? '') &&
      time < (query[`${name}__lt`] ?? '9999');
    const sites = query.siteIds?.split(',');
    const matching = this.shown(path)
      .filter(({ time, created = time }) => within('updatedAt', time) && within('createdAt', created))
      .filter(({ siteId = '' }) => sites === undefined || sites.includes(siteId));
    if (query.countOnly === 'true') {
      return this.answer(
        JSON.stringify({ data: [], pagination: { nextCursor: null, totalItems: matching.length } }),
      );
    }
    const rows = matching
      .sort((a, b) => compare(a, b))
      .filter((row) => key === undefined || compare(row, key) > 0)
      .slice(0, limit);
    const end = this.isEndless() ? (rows.at(-1) ?? key ?? { time: '', id: '' }) : undefined;
    const last = rows.length === limit ? rows.at(-1) : end;
    const counted = end && { count: ++this.#tokens };
    const next = last && Buffer.from(JSON.stringify([last.time, last.id, counted])).toString('base64');
    const nextCursor = next === undefined ? null : encodeURIComponent(next);
    const texts = rows.map(({ text }) => text).join(', ');
    return this.answer(
      `{"data": [${texts}], "pagination": ${JSON.stringify({ nextCursor, totalItems: 0 })}}`,
    );
  }

  async expiry({ token }: { readonly token: string }): Promise<string | undefined> {
    if (!this.tokens.has(token)) throw new TokenRefusedError('401');
    return undefined;
  }

  /** One page of a connection, or its count, by what the query's text says. Its times are whole milliseconds. */
  #graphql(path: string, { query, variables }: GraphqlBody): string {
    const after = variables.after === undefined ? undefined : keyIn(variables.after);
    if (after === 'refused') return JSON.stringify({ errors: [{ message: 'Invalid cursor' }], data: null });
    const [, connection = ''] = /^ {2}(\w+)\(/m.exec(query) ?? [];
    const bounds = boundsIn(query);
    const [, sites] = /scope: \{ scopeIds: (\[[^\]]*\]), scopeType: SITE/.exec(query) ?? [];
    const matching = this.shown(path)
      .filter(({ time, created = time }) =>
        bounds.every(({ field, from, until }) => {
          const ms = Date.parse(field === 'createdAt' ? created : time);
          return ms >= from && ms < until;
        }),
      )
      .filter(({ siteId = '' }) => sites === undefined || JSON.parse(sites).includes(siteId));
    if (query.includes('totalCount'))
      return JSON.stringify({ data: { [connection]: { totalCount: matching.length } } });
    const left = matching.sort(compare).filter((row) => after === undefined || compare(row, after) > 0);
    const rows = left.slice(0, Math.min(variables.first, this.pageCap));
    const last = rows.at(-1);
    const endCursor =
      last === undefined ? null : Buffer.from(JSON.stringify([last.time, last.id])).toString('base64');
    const pageInfo = JSON.stringify({ hasNextPage: left.length > rows.length, endCursor });
    const edges = rows.map(({ text }) => `{"node": ${text}}`).join(', ');
    return `{"data": {"${connection}": {"pageInfo": ${pageInfo}, "edges": [${edges}]}}}`;
  }

  answer(body: string): Answer {
    // HTTP's Date has no fraction.
    const dateMs = Math.floor(this.nowMs() / 1000) * 1000;
    return { body: Buffer.from(body), tookMs: 0, dateMs };
  }
}

interface GraphqlBody {
  readonly query: string;
  readonly variables: { readonly first: number; readonly after?: string };
}

/** The filters on time in the text of a GraphQL query, in milliseconds. */
export function boundsIn(query: string): { field: string; from: number; until: number }[] {
  return [...query.matchAll(/fieldId: "(\w+)", \w+: \{ ([^}]*) \}/g)].map(([, field = '', range = '']) => {
    const [, from = '0'] = /\bstart: (\d+)/.exec(range) ?? [];
    const [, until = '8640000000000000'] = /\bend: (\d+)/.exec(range) ?? [];
    const isExcluded = range.includes('startInclusive: false');
    return { field, from: Number(from) + (isExcluded ? 1 : 0), until: Number(until) };
  });
}

function keyIn(cursor: string): { time: string; id: string } | 'refused' {
  try {
    const [time, id] = JSON.parse(Buffer.from(cursor, 'base64').toString());
    return { time, id };
  } catch {
    return 'refused';
  }
}

function keyOf(cursor: string | undefined): { time: string; id: string } | undefined {
  if (cursor === undefined) return undefined;
  try {
    const [time, id] = JSON.parse(Buffer.from(cursor, 'base64').toString());
    return { time, id };
  } catch {
    throw new RefusedRequestError('400: Invalid cursor.');
  }
}

function compare(a: { time: string; id: string }, b: { time: string; id: string }): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  return a.id < b.id ? -1 : Number(a.id > b.id);
}
