import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { readChoice } from '../functions/tiles/choice.ts';
import type { Frame } from '../functions/tiles/frame.ts';
import { type Html, html } from '../functions/tiles/html.ts';
import { renderTiles } from '../functions/tiles/render.ts';
import { style } from '../functions/tiles/style.ts';
import { readHealth, type Watched } from './health.ts';
import { serve } from './http/serve.ts';

/** The widget's tiles as a page of this machine. */
export interface Tiles {
  /** `http://127.0.0.1:PORT/tiles` */
  readonly url: string;
  close(): Promise<void>;
}

export interface TilesOptions {
  /** The address of the search page, which the tiles link to. */
  readonly searchUrl?: string;
  /** The port, or the next free one (default: any free port). */
  readonly port?: number;
  readonly nowMs?: () => number;
}

const headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    `style-src 'self' 'sha256-${digest(style)}'`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

const files: Readonly<Record<string, readonly [path: string, type: string]>> = {
  '/base.css': ['analytics/page/base.css', 'text/css'],
  '/icon.svg': ['analytics/page/icon.svg', 'image/svg+xml'],
  '/tiles.css': ['tiles/tiles.css', 'text/css'],
  '/tiles.js': ['tiles/tiles.js', 'text/javascript'],
};

const read = (path: string) => readFile(new URL(path, import.meta.url), 'utf8');

export async function startTiles(watched: Watched, options: TilesOptions = {}): Promise<Tiles> {
  const frame = frameOf(options);
  const respond = async (request: URL, response: ServerResponse) => {
    const { pathname, searchParams } = request;
    const file = Object.hasOwn(files, pathname) ? files[pathname] : undefined;
    if (file !== undefined) {
      const [path, type] = file;
      return response.writeHead(200, { ...headers, 'content-type': type }).end(await read(path));
    }
    if (pathname === '/') return response.writeHead(302, { location: '/tiles' }).end();
    if (pathname === '/operations')
      return response
        .writeHead(200, headers)
        .end(page(options, runbook(await read('../docs/operations.md')), false));
    if (pathname !== '/tiles') return refuse(response, 404, 'There is only /tiles.');
    try {
      const now = (options.nowMs ?? Date.now)();
      const health = await readHealth(watched, now);
      const tiles = renderTiles(health, readChoice(Object.fromEntries(searchParams)), now, frame);
      return response.writeHead(200, headers).end(page(options, tiles, true));
    } catch {
      return refuse(response, 503, 'The tables can not be read.');
    }
  };
  const { endpoint, close } = await serve(
    async (request, response) => {
      if (request.method !== 'GET') return refuse(response, 405, 'Nothing can be changed here.');
      const asked = URL.parse(request.url ?? '/', 'http://127.0.0.1');
      return asked === null ? refuse(response, 404, 'There is only /tiles.') : respond(asked, response);
    },
    { ownPages: true, port: options.port },
  );
  return { url: `${endpoint}/tiles`, close };
}

function frameOf({ searchUrl }: TilesOptions): Frame {
  return {
    theme: 'auto',
    runbook: '/operations',
    ...(searchUrl !== undefined && {
      artifacts: (instance: string) => `${searchUrl}?${new URLSearchParams({ instance })}`,
    }),
    controls: {
      form: (fields) => html`<form method="get" action="/tiles">${fields}<button>Show</button></form>`,
      link: (label, show) => html`<a href="/tiles?show=${show}">${label}</a>`,
      open: (label, find) => html`<a href="/tiles?${String(new URLSearchParams({ find }))}">${label}</a>`,
    },
  };
}

const page = ({ searchUrl }: TilesOptions, main: string, isTiles: boolean) =>
  `${
    html`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Instances: SentinelOne collector</title>
${isTiles && html`<noscript><meta http-equiv="refresh" content="15"></noscript>`}<link rel="icon" href="/icon.svg"><link rel="stylesheet" href="/base.css">
<link rel="stylesheet" href="/tiles.css">${isTiles && html`<script type="module" src="/tiles.js"></script>`}</head><body><header class="top">
<h1>SentinelOne collector</h1><nav aria-label="Pages">${searchUrl !== undefined && html`<a href="${searchUrl}">Search</a>`}
<a href="/tiles" aria-current="page">Instances</a></nav><p>Refreshed every 15 seconds. Nothing can be changed here.</p></header><main>`
      .text
  }${main}</main></body></html>`;

/** The headings of the runbook as headings to link to, and the rest as it is written. */
function runbook(markdown: string): string {
  const blocks = markdown.split(/^(#{1,3} .*)$/m).map((block): Html => {
    const [, level, title = ''] = /^(#{1,3}) (.*)$/.exec(block) ?? [];
    if (level === undefined) return html`<pre>${block}</pre>`;
    const id = title
      .toLowerCase()
      .replaceAll(' ', '-')
      .replaceAll(/[^\w-]/g, '');
    return level.length === 3 ? html`<h3 id="${id}">${title}</h3>` : html`<h2 id="${id}">${title}</h2>`;
  });
  return html`<div class="text">${blocks}</div>`.text;
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { ...headers, 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
