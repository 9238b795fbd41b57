import { randomBytes } from 'node:crypto';
import { createAuthority, createServerCertificate, type KeyPair } from '../console/certificates.ts';
import { createApi, type User } from './api.ts';
import { startApiServer } from './api-server.ts';
import { createArchive } from './archive.ts';
import type { FaultRule, SeenRequest } from './faults.ts';
import { startPageServer } from './page-server.ts';
import type { Accepted, Filters } from './search.ts';

export interface AnalyticsOptions {
  /** Who may log in; one user that may read and write unless given. */
  users?: User[];
  /** Its clock, in milliseconds; it also sets the `Date` headers. The machine's unless given. */
  nowMs?: () => number;
  /** Signs its certificate; a throw-away one unless given. */
  authority?: KeyPair;
  /** Held in memory: the newest 100,000 unless told otherwise. */
  artifactsKept?: number;
  /** And of those no more than hold so much raw text together, 256 Mi characters unless told otherwise. */
  charactersKept?: number;
}

/** A running stand-in for WitFoo Analytics. */
export interface Analytics {
  /** Of the API, `https://127.0.0.1:<port>`. */
  url: string;
  /** The authority to trust for `url`. */
  caPem: string;
  /** Of the search page, for a browser; it asks for no login. */
  pageUrl: string;
  /** May be changed at any time. */
  users: User[];
  /** How long a token is good for; may be changed at any time and counts for the logins to come. */
  tokenLifeMs: number;
  /** From now on every token so far is an invalid one. */
  revokeTokens(): void;
  /** May be changed at any time; the first rule that names a fault wins. */
  faults: FaultRule[];
  /** Every request, oldest first. */
  readonly requests: SeenRequest[];
  readonly logins: SeenRequest[];
  readonly posts: SeenRequest[];
  /** The accepted artifacts that are still held, in the order of their arrival, each as often as it came. */
  readonly accepted: readonly Accepted[];
  /** How often each `metadata.id` among those came. */
  readonly times: ReadonlyMap<string, number>;
  readonly acceptedInAll: number;
  /** What is found, newest first. */
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
  const pageServer = await startPageServer(archive);

  return {
    url: `https://127.0.0.1:${apiServer.port}`,
    caPem: authority.cert,
    pageUrl: `http://127.0.0.1:${pageServer.port}/`,
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
