import { TokenRefusedError, UnreachableError } from '../../functions/errors.ts';
import {
  HeavyReplyError,
  LoginRefusedError,
  PermissionRefusedError,
  RequestRefusedError,
} from '../../functions/forward/errors.ts';
import type { Analytics, Credentials, Receipt, Search } from '../../functions/forward/ports.ts';

/** An artifact as a request holds it. */
export interface PostedArtifact {
  readonly source: string;
  readonly raw: string;
  readonly timestamp?: string;
  readonly metadata: Readonly<Record<string, string | readonly string[]>>;
}

/** An artifact that was accepted. */
export interface Archived extends PostedArtifact {
  /** What searches in time go by. */
  readonly at: number;
  /** Not found before. */
  readonly visibleAt: number;
}

const day = 24 * 3600 * 1000;

/** WitFoo Analytics in memory, as far as its documentation goes: logins, ingest, search. */
export class FakeAnalytics implements Analytics {
  readonly nowMs: () => number;
  /** Passwords by email. */
  readonly users = new Map<string, string>();
  readonly archive: Archived[] = [];
  /** Of each request that was read, the ids of its artifacts. */
  readonly posts: string[][] = [];
  readonly searches: Search[] = [];
  /** When, and with which password. */
  readonly logins: { readonly at: number; readonly password: string; readonly taken: boolean }[] = [];
  permissions: ReadonlySet<string> = new Set(['signals:write', 'signals:read']);
  tokenLifeMs = day;
  /** Until what is accepted can be found. */
  indexingMs = 0;
  largestBytes = Number.POSITIVE_INFINITY;
  /** Tests may reject an artifact: it alone, or the request that it is in. */
  rejects: (artifact: PostedArtifact) => boolean = () => false;
  breaks: (artifact: PostedArtifact) => boolean = () => false;
  /** A request with such an artifact is not answered as Analytics documents it, as by a firewall in front of it. */
  fails: (artifact: PostedArtifact) => boolean = () => false;
  readonly #tokens = new Map<string, number>();

  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  async login({ email, password }: Credentials): Promise<string> {
    const taken = this.users.get(email) === password;
    this.logins.push({ at: this.nowMs(), password, taken });
    if (!taken) throw new LoginRefusedError('401: invalid email or password');
    const endsAt = this.nowMs() + this.tokenLifeMs;
    const claims = Buffer.from(JSON.stringify({ email, exp: Math.floor(endsAt / 1000) })).toString(
      'base64url',
    );
    const token = `head.${claims}.${this.logins.length}`;
    this.#tokens.set(token, endsAt);
    return token;
  }

  revokeTokens(): void {
    this.#tokens.clear();
  }

  async ingest(token: string, request: string | Uint8Array): Promise<Receipt> {
    const body = request.toString();
    if (Buffer.byteLength(body) > this.largestBytes) throw new RequestRefusedError('413: too large');
    this.#admit(token, 'signals:write');
    const { artifacts } = JSON.parse(body) as { artifacts: PostedArtifact[] };
    this.posts.push(artifacts.map(({ metadata }) => String(metadata.id)));
    if (artifacts.some(this.fails)) throw new UnreachableError('502: bad gateway', 'Wait.');
    if (artifacts.some(this.breaks)) throw new RequestRefusedError('400: invalid artifact');
    const taken = artifacts.filter((artifact) => !this.rejects(artifact));
    const now = this.nowMs();
    for (const artifact of taken) {
      const eventAt = Date.parse(artifact.timestamp ?? '') || now;
      const at = now - eventAt > 30 * day ? now : eventAt;
      this.archive.push({ ...artifact, at, visibleAt: now + this.indexingMs });
    }
    return { accepted: taken.length, rejected: artifacts.length - taken.length, message: 'done' };
  }

  async search(token: string, search: Search): Promise<readonly string[]> {
    this.#admit(token, 'signals:read');
    this.searches.push(search);
    const [from, to] = [Date.parse(search.start), Date.parse(search.end)];
    const word = search.query.toLowerCase();
    const found = this.archive
      .filter(({ at, visibleAt }) => at >= from && at <= to && visibleAt <= this.nowMs())
      .filter(({ raw, metadata }) =>
        [raw, ...Object.values(metadata).flat()].some((value) => value.toLowerCase().includes(word)),
      )
      .sort((a, b) => b.at - a.at)
      .slice(search.offset, search.offset + search.limit);
    if (Buffer.byteLength(JSON.stringify(found)) > search.maxBytes)
      throw new HeavyReplyError('200: too much');
    return found.map(({ metadata }) => String(metadata.id ?? ''));
  }

  /** How often each id was accepted. */
  times(): Map<string, number> {
    const times = new Map<string, number>();
    for (const { metadata } of this.archive) {
      const id = String(metadata.id);
      times.set(id, (times.get(id) ?? 0) + 1);
    }
    return times;
  }

  #admit(token: string, permission: string): void {
    if (!((this.#tokens.get(token) ?? 0) > this.nowMs())) throw new TokenRefusedError('401: invalid token');
    if (!this.permissions.has(permission)) throw new PermissionRefusedError('403: denied', permission);
  }
}
