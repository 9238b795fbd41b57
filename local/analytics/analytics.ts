import { randomBytes } from 'node:crypto';
import { createAuthority, createServerCertificate, type KeyPair } from '../console/certificates.ts';
import { createApi, type User } from './api.ts';
import { startApiServer } from './api-server.ts';
import { createArchive } from './archive.ts';
import type { FaultRule, SeenRequest } from './faults.ts';
import { startPageServer } from './page-server.ts';
import type { Accepted, Filters } from './search.ts';

export interface AnalyticsOptions {
  /** The users who can log in (default: one user with read and write permission). */
  users?: User[];
  /** The clock in milliseconds, which also sets the `Date` headers (default: the system clock). */
  nowMs?: () => number;
  /** Signs the server certificate (default: a temporary authority). */
  authority?: KeyPair;
  /** Maximum number of artifacts in memory; the oldest are dropped (default: 100,000). */
  artifactsKept?: number;
  /** Maximum number of characters of raw text in memory (default: 256 Mi). */
  charactersKept?: number;
  /** The port of the search page, or the next free one (default: any free port). */
  pagePort?: number | undefined;
}

export interface Analytics {
  /** The API's address, `https://127.0.0.1:<port>`. */
  url: string;
  /** The authority that clients must trust for `url`. */
  caPem: string;
  /** The search page, for a browser. It has no login. */
  pageUrl: string;
  /** The address of the tiles, which the search page links to. Can be changed at any time. */
  tilesUrl: string | undefined;
  /** Can be changed at any time. */
  users: User[];
  /** The lifetime of a token. A change applies to later logins. */
  tokenLifeMs: number;
  /** Makes all issued tokens invalid. */
  revokeTokens(): void;
  /** Can be changed at any time. The first rule that returns a fault applies. */
  faults: FaultRule[];
  readonly requests: SeenRequest[];
  readonly logins: SeenRequest[];
  readonly posts: SeenRequest[];
  /** The accepted artifacts in memory, in order of arrival, including repeats. */
  readonly accepted: readonly Accepted[];
  /** How often each `metadata.id` was accepted. */
  readonly times: ReadonlyMap<string, number>;
  readonly acceptedInAll: number;
  /** How many of them are of each stream. */
  readonly byStream: ReadonlyMap<unknown, number>;
  /** Returns the matching artifacts, newest first. */
  search(filters: Filters): Accepted[];
  close(): Promise<void>;
}

const dayMs = 24 * 60 * 60 * 1000;

/** Starts a stand-in for WitFoo Analytics: the documented API over HTTPS, and a search page over HTTP. */
export async function startAnalytics(options: AnalyticsOptions = {}): Promise<Analytics> {
  const { nowMs = Date.now, artifactsKept = 100_000, charactersKept = 256 * 2 ** 20 } = options;
  const users = options.users ?? [collector()];
  const authority = options.authority ?? (await createAuthority('simulated Analytics'));
  const certificate = await createServerCertificate(authority, ['127.0.0.1', 'localhost']);
  const archive = createArchive({ nowMs, artifactsKept, charactersKept });
  const faults: FaultRule[] = [];
  const requests: SeenRequest[] = [];
  const life = { tokenMs: dayMs };
  const api = createApi({ archive, nowMs, users, tokenLifeMs: () => life.tokenMs });
  const apiServer = await startApiServer({ api, certificate, nowMs, faults, requests });
  const links: { tilesUrl: string | undefined } = { tilesUrl: undefined };
  const pageServer = await startPageServer(archive, {
    nowMs,
    tilesUrl: () => links.tilesUrl,
    port: options.pagePort,
  });

  return {
    url: `https://127.0.0.1:${apiServer.port}`,
    caPem: authority.cert,
    pageUrl: `http://127.0.0.1:${pageServer.port}/`,
    get tilesUrl() {
      return links.tilesUrl;
    },
    set tilesUrl(url) {
      links.tilesUrl = url;
    },
    users,
    faults,
    requests,
    get tokenLifeMs() {
      return life.tokenMs;
    },
    set tokenLifeMs(ms) {
      life.tokenMs = ms;
    },
    revokeTokens: api.revokeTokens,
    get logins() {
      return requests.filter(({ route }) => route === 'login');
    },
    get posts() {
      return requests.filter(({ route }) => route === 'ingest');
    },
    accepted: archive.held,
    times: archive.times,
    byStream: archive.byStream,
    get acceptedInAll() {
      return archive.acceptedInAll();
    },
    search: archive.search,
    async close() {
      await Promise.all([apiServer.close(), pageServer.close()]);
    },
  };
}

function collector(): User {
  const password = randomBytes(12).toString('base64url');
  return { email: 'collector@witfoo.example', password, permissions: ['signals:read', 'signals:write'] };
}
