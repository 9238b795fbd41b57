import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { readChoice } from '../functions/tiles/choice.ts';
import { html } from '../functions/tiles/html.ts';
import { renderTiles } from '../functions/tiles/render.ts';
import { style } from '../functions/tiles/style.ts';
import { readHealth, type Watched } from './health.ts';
import { serve } from './http/serve.ts';

/** The widget's tiles as a local web page. */
export interface Tiles {
  /** `http://127.0.0.1:PORT/tiles` */
  readonly url: string;
  close(): Promise<void>;
}

const refreshSeconds = 15;

const headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${digest(style)}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
  refresh: String(refreshSeconds),
};

/** @param port the port, or the next free one (default: any free port) */
export async function startTiles(watched: Watched, port?: number): Promise<Tiles> {
  const { endpoint, close } = await serve(
    async (request, response) => {
      if (request.method !== 'GET') return refuse(response, 405, 'Nothing can be changed here.');
      const asked = URL.parse(request.url ?? '/', 'http://127.0.0.1');
      if (asked === null) return refuse(response, 404, 'There is only /tiles.');
      const { pathname, searchParams } = asked;
      if (pathname === '/') return response.writeHead(302, { location: '/tiles' }).end();
      if (pathname !== '/tiles') return refuse(response, 404, 'There is only /tiles.');
      try {
        const page = await render(Object.fromEntries(searchParams));
        response.writeHead(200, headers).end(page);
      } catch {
        refuse(response, 503, 'The tables can not be read.');
      }
    },
    { port },
  );
  const render = async (asked: Readonly<Record<string, string>>) => {
    const now = Date.now();
    const { instances } = await readHealth(watched, now);
    return page(renderTiles(instances, readChoice(asked), now, frame));
  };
  return { url: `${endpoint}/tiles`, close };
}

const frame: Parameters<typeof renderTiles>[3] = {
  theme: 'auto',
  controls: {
    form: (fields) => html`<form method="get" action="/tiles">${fields}<button>Show</button></form>`,
    link: (label, show) => html`<a href="/tiles?show=${show}">${label}</a>`,
  },
};

const page = (tiles: string) =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark"><meta name="viewport" content="width=device-width"><title>SentinelOne instances</title>${tiles}</html>`;

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { ...headers, 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
