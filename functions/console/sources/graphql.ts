import * as v from 'valibot';
import { MalformedPageError, RefusedRequestError, UnreadableAnswerError } from '../../errors.ts';
import type { Learned } from '../../health/status.ts';
import type { Instance } from '../../instances/instance.ts';
import { count as countAt, type Json } from '../../kit/json.ts';
import type { Timestamp } from '../../kit/time.ts';
import type { GraphqlStream } from '../../streams/stream.ts';
import { readBody } from '../page.ts';
import { createdListing } from '../query.ts';
import { recordsOf } from '../record.ts';
import { missingToken, readAnswer, readSmallAnswer } from './graphql-answer.ts';
import { areOfNodes, errorOf, UnknownFieldsError, UnknownSpellingError } from './graphql-errors.ts';
import { countQuery, pageQuery, type Query, type Spelling, usualSpelling } from './graphql-query.ts';
import { spellingOf } from './graphql-schema.ts';
import type { Ask, Clean, Source } from './source.ts';

/** After this time, a schema is learned again. */
const learnedForMs = 24 * 60 * 60 * 1000;

/** Each error names what was refused, so few attempts are needed. */
const mostAttempts = 6;

interface GraphqlSource extends Source {
  /**
   * Returns the response to a count of the records that were created from `from` to before `until`.
   * @param more another field of `Query`, with what is requested of it
   */
  count(
    from: Timestamp,
    until: Timestamp,
    ask: Ask,
    more?: readonly [name: string, selection: string],
  ): Promise<Json>;
}

/** A connection of a GraphQL API. It learns differences of the console's schema from errors. */
export function graphqlSource(
  stream: GraphqlStream,
  instance: Instance,
  now: () => number,
  before?: unknown,
): GraphqlSource {
  const { path, connection, pageSize } = stream;
  const { host } = instance;
  let learned = readLearned(before, host, now());
  const spelling = (): Spelling => ({ ...usualSpelling, ...learned?.spelling });

  /** Retries a request with what it learns, until the schema accepts it. */
  async function asking<T>(
    ask: Ask,
    queryNow: () => Query,
    variables: Json,
    read: (body: Buffer, query: Query, clean: Clean) => T,
    isSmall: boolean,
  ) {
    for (let attempts = 1; ; attempts++) {
      const query = queryNow();
      const json = { query: query.text, variables };
      try {
        return await ask({ path, query: {}, json, isSmall }, (body, clean) => read(body, query, clean));
      } catch (error) {
        if (attempts === mostAttempts || !(await learnFrom(error, ask))) throw error;
      }
    }
  }

  /** Returns whether the next attempt differs. */
  async function learnFrom(error: unknown, ask: Ask): Promise<boolean> {
    const { leftOut = [], spelling: known } = learned ?? {};
    if (error instanceof UnknownFieldsError) {
      const { at = now() } = learned ?? {};
      learned = { host, at, leftOut: [...leftOut, ...error.fields], ...(known && { spelling: known }) };
      return true;
    }
    // The schema is requested at most once a day.
    if (!(error instanceof UnknownSpellingError) || known !== undefined) return false;
    const { value, release } = await ask({ path: `${path}/schema`, query: {}, json: {} }, (body) =>
      spellingOf(body.toString(), connection),
    );
    release();
    const { success, output } = v.safeParse(spellingSchema, value);
    learned = { host, at: now(), leftOut, spelling: success ? output : { ...usualSpelling } };
    return success;
  }

  const count: GraphqlSource['count'] = async (from, until, ask, more) => {
    const read = (body: Buffer, query: Query, clean: Clean) => {
      const { errors, value } = readBody(body, `POST ${path}, count from ${from}`, readSmallAnswer);
      if (errors.length > 0) throw errorOf(errors, { host, path, connection, query, limit: 1, clean });
      return value;
    };
    const bounds = createdListing(from, until);
    const query = () => countQuery(stream, instance, bounds, spelling(), learned?.leftOut ?? [], more);
    const { value, release } = await asking(ask, query, { first: 1 }, read, true);
    release();
    return value;
  };

  return {
    count,

    async page(listing, limit, ask) {
      const { token } = listing;
      if (token === missingToken) throw new RefusedRequestError('there is a next page without a page token');
      const variables = { first: limit, ...(token !== undefined && { after: token }) };
      const what = `POST ${path}, ${token === undefined ? 'first page' : 'a later page'} from ${listing.from}`;
      const read = (body: Buffer, query: Query, clean: Clean) => {
        const { errors, page } = readBody(body, what, (text) => readAnswer(text, connection, limit));
        // The page of one node that failed may lack it.
        const isLost = errors.length > 0 && limit === 1 && page?.records.length === 0;
        if (page === undefined || isLost || !areOfNodes(errors, connection))
          throw errorOf(errors, { host, path, connection, query, limit, clean });
        const isPartial = errors.length > 0 || !page.split;
        if (isPartial && limit > 1) throw new MalformedPageError();
        const records = recordsOf(page, limit, stream);
        return { ...records, isolated: records.isolated || isPartial };
      };
      const query = () => pageQuery(stream, instance, listing, spelling(), learned?.leftOut ?? []);
      const { value, ...answer } = await asking(ask, query, variables, read, false);
      return { ...value, answer };
    },

    async total(from, until, ask) {
      const total = countAt(await count(from, until, ask), 'data', connection, 'totalCount');
      if (total === undefined) throw new UnreadableAnswerError(`POST ${path}, count from ${from}: no total`);
      return total;
    },

    starts: [undefined],
    pageSize,
    get learned() {
      return learned;
    },
  };
}

const name = v.pipe(v.string(), v.regex(/^[A-Za-z_]\w{0,99}$/));

const spellingSchema = v.object({
  filters: v.picklist(['filters', 'orFilter']),
  sort: v.picklist(['sort', 'sorts']),
  ascending: name,
  range: name,
  from: name,
  until: name,
  isExplicit: v.boolean(),
  isIso: v.boolean(),
});

const schema = v.object({
  host: v.string(),
  at: v.number(),
  leftOut: v.pipe(v.array(v.pipe(v.string(), v.regex(/^[\w.]{1,300}$/))), v.maxLength(500)),
  spelling: v.optional(spellingSchema),
});

/** Returns undefined if the value is invalid or out of date, so that it is learned again. */
function readLearned(before: unknown, host: string, now: number): Learned | undefined {
  const { success, output } = v.safeParse(schema, before);
  const isKnown = success && output.host === host && output.at <= now && now - output.at < learnedForMs;
  return isKnown ? output : undefined;
}
