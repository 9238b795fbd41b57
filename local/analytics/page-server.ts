import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { microsOf, readTime, writeTime } from '../console/time.ts';
import { serve } from '../http/serve.ts';
import type { Archive } from './archive.ts';
import { type Accepted, type Field, type Filters, fields, outcomeOf } from './search.ts';

interface Content {
  status: number;
  type: string;
  body: string | Buffer;
}

const scripts = ['address', 'artifact', 'counts', 'dom', 'keys', 'page', 'readable', 'rows'];

const files: Record<string, [name: string, type: string]> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  ...Object.fromEntries(
    ['base', 'page'].map((name) => [`/${name}.css`, [`${name}.css`, 'text/css; charset=utf-8']]),
  ),
  ...Object.fromEntries(
    scripts.map((name) => [`/${name}.js`, [`${name}.js`, 'text/javascript; charset=utf-8']]),
  ),
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
};

/** Headers that allow only the page's own files, no inline script, and no framing or embedding. */
const protection = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

const pageSize = 50;
/** Maximum length of a value in the list of results. The artifact's details have the whole value. */
const longestShown = 300;

const json = (status: number, value: object): Content => ({
  status,
  type: 'application/json; charset=utf-8',
  body: JSON.stringify(value),
});
const text = (status: number, body: string): Content => ({ status, type: 'text/plain; charset=utf-8', body });
const notFound = () => text(404, 'Page not found.\n');

export interface PageOptions {
  readonly nowMs: () => number;
  /** The address of the tiles; undefined if there are none. */
  readonly tilesUrl: () => string | undefined;
  readonly port?: number | undefined;
}

export async function startPageServer(archive: Archive, options: PageOptions) {
  const contents = new Map<string, Content>();
  for (const [path, [name, type]] of Object.entries(files)) {
    const body = await readFile(new URL(`page/${name}`, import.meta.url));
    contents.set(path, { status: 200, type, body });
  }

  const respond = ({ pathname, searchParams }: URL): Content => {
    if (pathname === '/search') return searchAnswer(archive, searchParams, options);
    if (pathname === '/new') return newAnswer(archive, searchParams, options);
    const [, uuid, raw] = /^\/artifacts\/([0-9a-f-]{36})(\/raw)?$/.exec(pathname) ?? [];
    const artifact = uuid === undefined ? undefined : archive.find(uuid);
    if (artifact === undefined) return contents.get(pathname) ?? notFound();
    return raw === undefined ? json(200, whole(artifact)) : text(200, artifact.raw);
  };

  const contentFor = ({ method = '', url = '/' }: IncomingMessage): Content => {
    if (!['GET', 'HEAD'].includes(method)) return text(405, 'This page is read-only.\n');
    const asked = URL.parse(url, 'http://page.invalid');
    return asked ? respond(asked) : notFound();
  };
  return serve(
    (request, response) => {
      const { status, type, body } = contentFor(request);
      response.writeHead(status, { ...protection, 'content-type': type }).end(body);
    },
    { ownPages: true, port: options.port },
  );
}

const invalidTime = () => json(400, { message: 'Invalid time; use 2026-03-01T10:00:00' });

const count = (params: URLSearchParams, name: string) =>
  Math.max(0, Math.trunc(Number(params.get(name))) || 0);

/** One page of results with all counts. A page past the end is the last one. */
function searchAnswer(archive: Archive, params: URLSearchParams, { nowMs, tilesUrl }: PageOptions): Content {
  const filters = readFilters(params, nowMs());
  if (filters === undefined) return invalidTime();
  // The artifacts that were there when the first page was shown, so that the pages after it do not move.
  const newest = count(params, 'upto') || archive.acceptedInAll();
  const { found, counts, timeline } = archive.explore({ ...filters, upTo: newest });
  const pages = Math.max(1, Math.ceil(found.length / pageSize));
  const page = Math.min(pages, Math.max(1, count(params, 'page')));
  const results = found.slice((page - 1) * pageSize, page * pageSize).map(summary);
  return json(200, {
    results,
    total: found.length,
    page,
    pages,
    pageSize,
    held: archive.held.length,
    newest,
    counts,
    timeline,
    tilesUrl: tilesUrl(),
  });
}

/** How many results have arrived since the list was shown. */
function newAnswer(archive: Archive, params: URLSearchParams, { nowMs }: PageOptions): Content {
  const filters = readFilters(params, nowMs());
  if (filters === undefined) return invalidTime();
  const after = count(params, 'after');
  // After a restart the counting begins again.
  const since = after > archive.acceptedInAll() ? 0 : after;
  return json(200, { count: archive.countSince(since, filters) });
}

const lengths: Readonly<Record<string, number>> = {
  '15m': 15 * 60_000,
  '1h': 60 * 60_000,
  '24h': 24 * 60 * 60_000,
  '7d': 7 * 24 * 60 * 60_000,
};

/** Reads the filters of the form. Returns undefined if a time is invalid. */
function readFilters(params: URLSearchParams, nowMs: number): Filters | undefined {
  const filters: Filters = {};
  const query = params.get('text');
  if (query) filters.query = query;
  const names: ('outcome' | Field)[] = ['outcome', ...(Object.keys(fields) as Field[])];
  for (const name of names) {
    const value = params.get(name);
    if (value) filters[name] = value;
  }
  for (const name of ['from', 'to'] as const) {
    const value = params.get(name);
    if (!value) continue;
    const at = readFormTime(value, name);
    if (at === undefined) return undefined;
    filters[name] = at;
  }
  const last = params.get('last') ?? '';
  if (Object.hasOwn(lengths, last)) filters.from = microsOf(nowMs - (lengths[last] ?? 0));
  return filters;
}

const formTime = /^(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(\.\d+)?Z?$/;

/** Reads a UTC time. Browsers omit zero seconds. `to` includes the whole second. */
function readFormTime(given: string, bound: 'from' | 'to') {
  const [, minute, seconds = ':00', fraction] = formTime.exec(given) ?? [];
  const end = bound === 'to' ? '.999999' : '';
  return minute === undefined ? undefined : readTime(`${minute}${seconds}${fraction ?? end}Z`);
}

const shortened = (value: string) =>
  value.length > longestShown ? `${value.slice(0, longestShown).toWellFormed()}…` : value;

function summary(artifact: Accepted) {
  const { uuid, raw, timestamp, metadata, at } = artifact;
  const first = (key: string) => {
    const value = [metadata[key] ?? []].flat()[0];
    return value && shortened(value);
  };
  const byArrival = at !== (readTime(timestamp) ?? at);
  return {
    uuid,
    time: timestamp,
    ...(byArrival && { arrived: writeTime(at) }),
    severity: first('severityLabel'),
    instance: first('instance'),
    stream: first('stream') ?? first('streamName'),
    host: first('clientHostname'),
    user: first('userName'),
    outcome: outcomeOf(artifact),
    what: first('message') ?? first('fileName') ?? shortened(raw),
  };
}

function whole(artifact: Accepted) {
  const { raw, metadata, timestamp, createdAt, source } = artifact;
  return { raw, metadata, source, timestamp, arrived: writeTime(createdAt), row: summary(artifact) };
}
