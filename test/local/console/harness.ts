import https from 'node:https';
import got, { type OptionsInit, type Response } from 'got';
import type { ConsoleOptions, SimulatedConsole } from '../../../local/console/console.ts';
import { startConsoles } from '../../../local/console/consoles.ts';

export const host = 'usea1-acme.sentinelone.net';
export const token = 'token-of-the-test';

/** A moment that the tests agree on; no test reads the machine's clock. */
export const noon = Date.UTC(2026, 2, 1, 12);

/** A console and a client that reaches it as the functions do: HTTPS through the proxy, under its own name. */
export async function startConsole(
  options: Partial<ConsoleOptions> = {},
  clock = { ms: noon, monotonicMs: 0 },
) {
  const consoles = await startConsoles({
    hosts: { [host]: { tokens: [{ token }], rateLimits: false, ...options } },
    nowMs: () => clock.ms,
    monotonicMs: () => clock.monotonicMs,
  });
  const agent = new https.Agent({
    keepAlive: true,
    ca: consoles.caPem,
    proxyEnv: { HTTPS_PROXY: consoles.proxyUrl },
  });

  const ask = (path: string, query: Query = {}, options: OptionsInit = {}) =>
    got(`https://${host}/web/api/v2.1${path}`, {
      agent: { https: agent },
      searchParams: new URLSearchParams(
        Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
      ),
      headers: { authorization: `ApiToken ${token}` },
      throwHttpErrors: false,
      followRedirect: false,
      retry: { limit: 0 },
      ...options,
    }) as Promise<Response<string>>;

  return {
    consoles,
    console: consoles.console(host),
    agent,
    clock,
    ask,
    async close() {
      agent.destroy();
      await consoles.close();
    },
  };
}

export type Query = Record<string, string | number | boolean>;
export type Ask = Awaited<ReturnType<typeof startConsole>>['ask'];

/** Every page of a listing, read as a careful client does: the same parameters each time, the token decoded once. */
export async function* pagesOf(ask: Ask, path: string, query: Query) {
  let cursor: string | undefined;
  do {
    const page = JSON.parse((await ask(path, { ...query, ...(cursor && { cursor }) })).body);
    yield page;
    cursor = page.pagination.nextCursor && decodeURIComponent(page.pagination.nextCursor);
  } while (cursor);
}

export const idsOf = (body: string): string[] => JSON.parse(body).data.map(({ id }: { id: string }) => id);

/** A time of the day that all hand-made records share, with six fraction digits. */
export const at = (seconds: number, micros = 0) =>
  `2026-03-01T10:00:${String(seconds).padStart(2, '0')}.${String(micros).padStart(6, '0')}Z`;

export const activity = (id: string, createdAt: string, more = {}) =>
  JSON.stringify({ id, createdAt, updatedAt: createdAt, activityType: 27, siteId: '7', ...more });

export const threat = (id: string, updatedAt: string, more = {}) =>
  JSON.stringify({
    id,
    threatInfo: { createdAt: at(0), updatedAt, ...more },
    agentRealtimeInfo: { siteId: '7' },
  });

export const endpoint = (id: string, updatedAt: string, more = {}) =>
  JSON.stringify({
    id,
    createdAt: at(0),
    updatedAt,
    isDecommissioned: false,
    isUninstalled: false,
    siteId: '7',
    ...more,
  });

export const putAll = (console: SimulatedConsole, stream: string, texts: string[]) => {
  for (const text of texts) console.put(stream, text);
};
