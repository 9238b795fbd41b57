import { at, errorsIn, type Json, parsed } from '../../kit/json.ts';
import { longestToken, type Page } from '../page.ts';
import {
  longestEnvelope,
  PageSyntaxError,
  parsedSpan,
  type Range,
  type Span,
  skipSpace,
  stringEnd,
  tooMuch,
  valueEnd,
} from '../split.ts';

/** The page token if a console says that there is more, but not how to request it. */
export const missingToken = ' ';

/** A response, before it is known whether it is a page. */
export interface GraphqlAnswer {
  readonly errors: readonly Json[];
  /** Undefined if there is no page. */
  readonly page: Page | undefined;
}

const [comma, colon, quote] = [0x2c, 0x3a, 0x22];
const [openBracket, closeBracket, openBrace] = [0x5b, 0x5d, 0x7b];

/**
 * Reads the body of a response to a page query. Throws SyntaxError if it contains neither a page nor errors.
 * @param limit the number of requested nodes
 */
export function readAnswer(body: Buffer, connection: string, limit: number): GraphqlAnswer {
  const start = descend(body, ['data', connection, 'edges']);
  if (start === undefined || body[start] !== openBracket) {
    const errors = errorsIn(whole(body));
    if (errors.length === 0) throw new PageSyntaxError(`it has no edges of ${connection}`);
    return { errors, page: undefined };
  }
  const edges = edgesAt(body, start, limit);
  const around = edges && envelopeOf(body, { start, end: edges.end }, connection);
  if (edges !== undefined && around !== undefined)
    return {
      errors: errorsIn(around),
      page: { records: edges.nodes, next: nextOf(around, connection), split: true },
    };
  return unsplit(body, start, connection);
}

/** Reads a response without a page. Throws SyntaxError if it is invalid or too large. */
export function readSmallAnswer(body: Buffer): { readonly errors: readonly Json[]; readonly value: Json } {
  const value = whole(body);
  return { errors: errorsIn(value), value };
}

function whole(body: Buffer): Json {
  if (body.length > longestEnvelope) throw tooMuch();
  return JSON.parse(body.toString());
}

/** Returns where the value starts that this path of names leads to, or undefined if there is none. */
function descend(body: Buffer, names: readonly string[]): number | undefined {
  let start: number | undefined = skipSpace(body, 0);
  for (const name of names) {
    if (start === undefined || body[start] !== openBrace) return undefined;
    start = memberOf(body, start, name, false);
  }
  return start;
}

/** Returns where the value of the first or the last member with this name starts. */
function memberOf(body: Buffer, object: number, name: string, isLast: boolean): number | undefined {
  let found: number | undefined;
  for (let i = skipSpace(body, object + 1); body[i] === quote; i = skipSpace(body, i + 1)) {
    const nameEnd = stringEnd(body, i);
    if (nameEnd < 0) return found;
    if (nameEnd - i > longestEnvelope) throw tooMuch();
    const isOfName = parsed(body.toString('utf8', i, nameEnd)) === name;
    i = skipSpace(body, nameEnd);
    if (body[i] !== colon) return found;
    const start = skipSpace(body, i + 1);
    if (isOfName) found = start;
    if (found !== undefined && !isLast) return found;
    const { end } = valueEnd(body, start);
    if (end < 0) return found;
    i = skipSpace(body, end);
    if (body[i] !== comma) break;
  }
  return found;
}

interface Edges {
  readonly nodes: Span[];
  /** The offset after the closing bracket. */
  readonly end: number;
}

/** Returns the nodes of a list of edges, or undefined if the list cannot be split. */
function edgesAt(body: Buffer, start: number, limit: number): Edges | undefined {
  const nodes: Span[] = [];
  for (let i = skipSpace(body, start + 1); i < body.length; ) {
    if (body[i] === closeBracket) return { nodes, end: i + 1 };
    if (body[i] !== comma) {
      if (nodes.length === limit) {
        // A malformed node can look like several nodes.
        if (limit === 1 || nodes.some((span) => parsedSpan(span) === undefined)) return undefined;
        throw new PageSyntaxError(`it has more than the ${limit} records requested`);
      }
      const edge = valueEnd(body, i);
      if (edge.end <= i) return undefined;
      nodes.push(nodeOf(body, i, edge));
      i = skipSpace(body, edge.end);
      if (body[i] !== comma && body[i] !== closeBracket) return undefined;
    }
    if (body[i] === comma) i = skipSpace(body, i + 1);
  }
  return undefined;
}

/** The node that JSON.parse would return for the edge; an edge without one is kept whole. */
function nodeOf(body: Buffer, start: number, edge: ReturnType<typeof valueEnd>): Span {
  const node = body[start] === openBrace ? memberOf(body, start, 'node', true) : undefined;
  const { end, values } = node === undefined ? edge : valueEnd(body, node);
  return { bytes: body.subarray(node ?? start, end), values };
}

/** Returns the response with null for its edges, or undefined if that is not JSON. */
function envelopeOf(body: Buffer, { start, end }: Range, connection: string): Json | undefined {
  if (body.length - (end - start) > longestEnvelope) throw tooMuch();
  const envelope = parsed(`${body.subarray(0, start)}null${body.subarray(end)}`);
  // JSON.parse uses the last of two members with the same name, which must be the one that was split.
  return at(envelope, 'data', connection, 'edges') === null ? envelope : undefined;
}

/** Each attempt parses an envelope, so their number is limited. */
const mostAttempts = 100;

/**
 * Reads a list with something malformed. It ends as late as the rest of the response is valid, so that it includes
 * every record.
 */
function unsplit(body: Buffer, start: number, connection: string): GraphqlAnswer {
  const first = Math.max(start, body.length - longestEnvelope);
  let i = body.length;
  for (let tries = 0; tries < mostAttempts; tries++) {
    i = body.lastIndexOf(closeBracket, i - 1);
    if (i <= first) break;
    const envelope = envelopeOf(body, { start, end: i + 1 }, connection);
    if (envelope === undefined) continue;
    const bytes = body.subarray(start + 1, i);
    const page = {
      records: [{ bytes, values: Number.POSITIVE_INFINITY }],
      next: nextOf(envelope, connection),
      split: false,
    };
    return { errors: errorsIn(envelope), page };
  }
  throw new PageSyntaxError('it is cut off, or not JSON');
}

/** Unless the response clearly says that there is no more, there could be a page that would be skipped. */
function nextOf(envelope: Json, connection: string): string | undefined {
  const info = at(envelope, 'data', connection, 'pageInfo');
  const hasNext = at(info, 'hasNextPage');
  if (typeof hasNext !== 'boolean')
    throw new PageSyntaxError('its pageInfo does not say whether it has a next page');
  if (!hasNext) return undefined;
  const token = at(info, 'endCursor');
  if (token === undefined || token === null || token === '') return missingToken;
  if (typeof token !== 'string') throw new PageSyntaxError('its endCursor is not text');
  if (token.length > longestToken)
    throw new PageSyntaxError(`its endCursor has more than ${longestToken} characters`);
  return token;
}
