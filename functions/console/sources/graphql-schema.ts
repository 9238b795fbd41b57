import { type Spelling, usualSpelling } from './graphql-query.ts';

/** Real schemas have less than 300 KB. */
const longestSchema = 1024 * 1024;

type Fields = ReadonlyMap<string, string>;

/**
 * Returns the names that a schema uses for the arguments and filters of a connection, or undefined if it lacks them.
 * @param sdl the schema definition
 */
export function spellingOf(sdl: string, connection: string): Spelling | undefined {
  if (sdl.length > longestSchema) return undefined;
  const schema = withoutTexts(sdl);
  const types = new Map(
    [...schema.matchAll(/\b(?:type|input|enum)\s+(\w+)\b[^{}]{0,500}\{([^{}]*)\}/g)].map(
      ([, name = '', body = '']) => [name, body],
    ),
  );
  const given = new RegExp(`\\b${connection}\\s*\\(([^()]{0,5000})\\)`).exec(types.get('Query') ?? '')?.[1];
  if (given === undefined) return undefined;
  const named = fieldsOf(given);
  const filters = (['filters', 'orFilter'] as const).find((name) => named.has(name));
  const sort = (['sort', 'sorts'] as const).find((name) => named.has(name));
  if (filters === undefined || sort === undefined) return undefined;
  const typeOf = (name: string | undefined): Fields => fieldsOf(types.get(bare(name)) ?? '');
  let filter = typeOf(named.get(filters));
  for (const name of filters === 'orFilter' ? ['or', 'and'] : []) filter = typeOf(filter.get(name));
  const order = types.get(bare(typeOf(named.get(sort)).get('order'))) ?? '';
  const ascending = /\bASC\w*/i.exec(order)?.[0];
  const found = rangeIn(filter, typeOf);
  if (ascending === undefined || found === undefined) return undefined;
  return { filters, sort, ascending, ...found };
}

/** Each is looked up in the schema. Real filters have up to five. */
const mostRanges = 20;

/** If several comparators accept a range, returns the one for times. */
function rangeIn(filter: Fields, typeOf: (name: string | undefined) => Fields) {
  const ranges = [...filter.keys()].filter((name) => /range/i.test(name)).slice(0, mostRanges);
  const isOfTimes = (name: string) => /date|time/i.test(name);
  for (const range of [usualSpelling.range, ...ranges.filter(isOfTimes), ...ranges]) {
    const fields = typeOf(filter.get(range));
    const from = ['start', 'from', 'gte', 'after'].find((name) => fields.has(name));
    const until = ['end', 'to', 'lt', 'before'].find((name) => fields.has(name));
    if (from === undefined || until === undefined) continue;
    const isExplicit = fields.has(`${from}Inclusive`) && fields.has(`${until}Inclusive`);
    return { range, from, until, isExplicit, isIso: !/Long|Int|Float/.test(fields.get(from) ?? '') };
  }
  return undefined;
}

/** Returns the names of fields or arguments, with their types. */
function fieldsOf(body: string): Fields {
  return new Map(
    [...body.matchAll(/\b(\w+)\s*:\s*([[\]!\w]+)/g)].map(([, name = '', type = '']) => [name, type]),
  );
}

const bare = (type = '') => type.replace(/[[\]!]/g, '');

/** Removes descriptions and comments, which could look like fields. */
function withoutTexts(sdl: string): string {
  return (
    sdl
      .split('"""')
      .filter((_, i) => i % 2 === 0)
      .join(' ')
      // A text without an end is removed as well: to look for its end from each quote would take hours.
      .replace(/"(?:[^"\\\n]|\\.)*"?/g, ' ')
      .replace(/#[^\n]*/g, ' ')
  );
}
