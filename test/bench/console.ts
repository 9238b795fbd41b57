import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { createAuthority, createServerCertificate } from '../../local/console/certificates.ts';
import { startProxy } from '../../local/console/proxy.ts';
import { partOptions, serveAsPart } from './child.ts';
import { firstFrom, type Ladder, microsOf, moulds, recordText, visible } from './ladder.ts';

/** How a host behaves that is not well. */
export type Illness = 'hangs' | 'trickles' | 'refuses';

export interface Given {
  readonly latencyMs: number;
  /** By stream, of every host. */
  readonly ladders: { readonly [stream: string]: Ladder };
  /** By host, instead of every host's. */
  readonly own: { readonly [host: string]: { readonly [stream: string]: Ladder } };
  readonly ill: { readonly [host: string]: Illness };
}

export interface ConsoleOptions {
  /** All under one wildcard certificate. */
  readonly hosts: readonly string[];
}

export interface ConsoleReady {
  readonly proxyUrl: string;
  readonly caFile: string;
}

export type ConsoleAsk =
  | { readonly give: Given }
  /** Makes the pages of a listing from its beginning before they are asked for. */
  | { readonly prepare: { readonly stream: string; readonly host: string } }
  /** Moves the consoles' clock on. */
  | { readonly waitMs: number }
  | { readonly count: true };

export interface ConsoleCounts {
  readonly requests: number;
  readonly connections: number;
}

const { hosts } = partOptions<ConsoleOptions>();
const forms = moulds();
const pages = new Map<string, Buffer>();
let given: Given = { latencyMs: 0, ladders: {}, own: {}, ill: {} };
let aheadMs = 0;
let requests = 0;
let connections = 0;

const nowMs = () => Date.now() + aheadMs;
const ladderOf = (host: string, stream: string): Ladder | undefined =>
  given.own[host]?.[stream] ?? given.ladders[stream];

/** Alerts come over GraphQL, in smaller pages. */
const sizes: { readonly [stream: string]: number } = { alerts: 500 };

/** Compressed once: a page is made when it is first asked for. */
function page(stream: string, ladder: Ladder, from: number, limit: number): Buffer {
  const until = Math.min(from + limit, visible(ladder, nowMs() * 1000));
  const key = JSON.stringify([stream, ladder, from, until, limit]);
  const known = pages.get(key);
  if (known !== undefined) return known;
  const moulds = forms.get(stream) ?? [];
  const texts = Array.from({ length: Math.max(0, until - from) }, (_, i) =>
    recordText(moulds, ladder, from + i, stream === 'alerts' ? 3 : 6),
  );
  const nextCursor = texts.length === limit ? tokenOf(until) : null;
  const text =
    stream === 'alerts'
      ? connectionOf(texts, nextCursor)
      : `{"data":[${texts.join(',')}],"pagination":${JSON.stringify({ nextCursor })},"errors":null}`;
  const made = gzipSync(text, { level: 1 });
  pages.set(key, made);
  return made;
}

function connectionOf(texts: readonly string[], endCursor: string | null): string {
  const pageInfo = JSON.stringify({ hasNextPage: endCursor !== null, endCursor });
  const edges = texts.map((text) => `{"node":${text}}`).join(',');
  return `{"data":{"alerts":{"pageInfo":${pageInfo},"edges":[${edges}]}}}`;
}

/** As many types as a real console names. */
const types = gzipSync(
  JSON.stringify({
    data: Array.from({ length: 711 }, (_, id) => ({
      id,
      action: `Something Happened To Number ${id}`,
      descriptionTemplate: 'The management user {{ username }} did something to {{ computer_name }}.',
    })),
  }),
);

/** A page of alerts, or their number. */
function graphqlAnswer(host: string, body: string): Buffer {
  const { query, variables } = JSON.parse(body);
  const ladder = ladderOf(host, 'alerts');
  if (ladder === undefined || query.includes('totalCount')) {
    const totalCount = ladder === undefined ? 0 : visible(ladder, nowMs() * 1000);
    return gzipSync(connectionOf([], null).replace('{"pageInfo"', `{"totalCount":${totalCount},"pageInfo"`));
  }
  const startMs = Number(/\bstart: (\d+)/.exec(query)?.[1] ?? 0);
  const from = variables.after === undefined ? firstFrom(ladder, startMs * 1000) : placeIn(variables.after);
  return page('alerts', ladder, from, variables.first);
}

/** As long as the console's own. */
const tokenOf = (at: number) =>
  Buffer.from(
    JSON.stringify({
      id_column: 'id',
      id_value: String(10n ** 18n + BigInt(at)),
      sort_by_column: 'createdAt',
      at,
    }),
  ).toString('base64');
const placeIn = (token: string): number => JSON.parse(Buffer.from(token, 'base64').toString()).at;

function answer(url: URL, host: string, sent: string): Buffer {
  if (url.pathname.endsWith('/unifiedalerts/graphql')) return graphqlAnswer(host, sent);
  if (url.pathname.endsWith('/activities/types')) return types;
  const stream = url.pathname.split('/').at(-1) ?? '';
  const ladder = ladderOf(host, stream);
  const { searchParams } = url;
  const token = searchParams.get('cursor');
  const [, gte] = [...searchParams].find(([name]) => name.endsWith('__gte')) ?? [];
  if (searchParams.get('countOnly') === 'true') return countOf(ladder, searchParams);
  if (ladder === undefined)
    return gzipSync('{"data":[],"pagination":{"nextCursor":null},"errors":null}', { level: 1 });
  const from = token !== null ? placeIn(token) : gte === undefined ? 0 : firstFrom(ladder, microsOf(gte));
  return page(stream, ladder, from, Number(searchParams.get('limit')));
}

/** How many records a past hour has. */
function countOf(ladder: Ladder | undefined, query: URLSearchParams): Buffer {
  const at = (end: string) => [...query].find(([name]) => name.endsWith(end))?.[1];
  const [from, until] = [at('__gte'), at('__lt')];
  const place = (time: string | undefined, otherwise: number) =>
    ladder === undefined || time === undefined ? otherwise : firstFrom(ladder, microsOf(time));
  const all = ladder === undefined ? 0 : visible(ladder, nowMs() * 1000);
  const totalItems = Math.max(0, Math.min(all, place(until, all)) - place(from, 0));
  return gzipSync(JSON.stringify({ data: [], pagination: { nextCursor: null, totalItems }, errors: null }), {
    level: 1,
  });
}

async function enact(illness: Illness, response: ServerResponse): Promise<void> {
  if (illness === 'hangs') return;
  if (illness === 'refuses') {
    response
      .writeHead(429, { 'content-type': 'text/html' })
      .end('<html><h1>429 Too Many Requests</h1></html>');
    return;
  }
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1_000_000 });
  for (const byte of '{"data":['.padEnd(1_000_000)) {
    if (response.destroyed) return;
    response.write(byte);
    await sleep(1000);
  }
}

const authority = await createAuthority('benchmark');
const { cert, key } = await createServerCertificate(authority, [
  `*.${hosts[0]?.split('.').slice(1).join('.')}`,
]);
const server = createServer({ cert, key, keepAliveTimeout: 75_000 }, async (request, response) => {
  requests += 1;
  const host = request.headers.host ?? '';
  if (given.latencyMs > 0) await sleep(given.latencyMs);
  const illness = given.ill[host];
  if (illness !== undefined) return enact(illness, response);
  // A collector that is stopped aborts its requests.
  const asked = await text(request).catch(() => undefined);
  if (asked === undefined) return;
  const body = answer(new URL(request.url ?? '', `https://${host}`), host, asked);
  response.sendDate = false;
  response
    .writeHead(200, {
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      'content-length': body.length,
      date: new Date(nowMs()).toUTCString(),
    })
    .end(body);
});
server.on('tlsClientError', () => {});
server.on('secureConnection', () => {
  connections += 1;
});

server.listen(0, '127.0.0.1', async () => {
  const proxy = await startProxy((host) => hosts.includes(host), (server.address() as AddressInfo).port);
  const folder = mkdtempSync(join(tmpdir(), 'bench-console-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, authority.cert);
  serveAsPart<ConsoleReady, ConsoleAsk, ConsoleCounts>({ proxyUrl: proxy.url, caFile }, (message) => {
    if ('give' in message) {
      given = message.give;
      aheadMs = 0;
    }
    if ('waitMs' in message) aheadMs += message.waitMs;
    if ('prepare' in message) prepare(message.prepare.stream, message.prepare.host);
    const counts = { requests, connections };
    if ('count' in message) [requests, connections] = [0, 0];
    return counts;
  });
});

function prepare(stream: string, host: string): void {
  const ladder = ladderOf(host, stream);
  const size = sizes[stream] ?? 1000;
  for (let from = 0; ladder !== undefined && from <= ladder.count; from += size)
    page(stream, ladder, from, size);
}
