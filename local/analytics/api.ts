import { randomBytes, randomUUID } from 'node:crypto';
import type { Answer, ReceivedRequest } from '../console/answer.ts';
import { readTime, writeTime } from '../console/time.ts';
import type { Archive } from './archive.ts';
import { type Artifact, isArtifact } from './artifact.ts';
import type { Fault, Route, SeenRequest } from './faults.ts';
import { readToken, writeToken } from './jwt.ts';
import { json, refusal } from './refusal.ts';
import type { Accepted, Filters } from './search.ts';

export type Permission = 'signals:read' | 'signals:write';

export interface User {
  email: string;
  password: string;
  /** A token has the permissions from the time of its login. */
  permissions: readonly Permission[];
}

export interface ApiOptions {
  archive: Archive;
  nowMs: () => number;
  users: readonly User[];
  tokenLifeMs: () => number;
}

type Handler = (request: ReceivedRequest, fault: Fault, seen: SeenRequest) => Answer;

const organisation = 'witfoo';
const greatestLimit = 1000;

const routes: Record<string, Route> = {
  'POST /v1/auth/login': 'login',
  'POST /v1/artifacts': 'ingest',
  'GET /v1/artifacts': 'search',
};

export const routeOf = (method: string, path: string): Route => routes[`${method} ${path}`] ?? 'other';

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns the list in a body, or undefined if there is none. */
export function artifactsIn(body: string): unknown[] | undefined {
  const { artifacts } = (readJson(body) ?? {}) as { artifacts?: unknown };
  return Array.isArray(artifacts) ? artifacts : undefined;
}

const given = (params: URLSearchParams, name: string) => params.get(name) || undefined;

/** Reads the time range and the text of a search. Returns undefined if a time is invalid. */
function readFilters(params: URLSearchParams): Filters | undefined {
  const [source, text, start, end] = ['source', 'query', 'start', 'end'].map((name) => given(params, name));
  const [from, to] = [readTime(start), readTime(end)];
  if ((start && from === undefined) || (end && to === undefined)) return undefined;
  return {
    ...(source !== undefined && { source }),
    ...(text !== undefined && { text }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  };
}

/** Reads a whole number from `least` to `greatest`. Returns undefined if it is invalid. */
function readCount(text: string | undefined, usual: number, least: number, greatest: number) {
  if (text === undefined) return usual;
  const count = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  return count >= least && count <= greatest ? count : undefined;
}

const answered = ({ uuid, source, raw, timestamp, metadata, createdAt }: Accepted) => ({
  id: uuid,
  org_id: organisation,
  source,
  raw,
  timestamp,
  metadata,
  created_at: writeTime(createdAt),
});

/** Creates the request handler of the documented API. */
export function createApi({ archive, nowMs, users, tokenLifeMs }: ApiOptions) {
  let key = randomBytes(32);

  const login: Handler = ({ body }, _fault, seen) => {
    const { email, password } = (readJson(body) ?? {}) as Record<string, unknown>;
    if (typeof email !== 'string' || typeof password !== 'string')
      return refusal(400, 'email and password are required');
    seen.email = email;
    const user = users.find((known) => known.email === email && known.password === password);
    if (user === undefined) return refusal(401, 'invalid email or password');
    const identity = { email, role: 'collector' };
    const sub = randomUUID();
    const token = writeToken(
      {
        ...identity,
        sub,
        org_id: organisation,
        permissions: user.permissions,
        exp: Math.floor((nowMs() + tokenLifeMs()) / 1000),
      },
      key,
    );
    return json(200, { success: true, data: { token, user: { ...identity, id: sub } } });
  };

  const ingest: Handler = ({ body }, { rejects = () => false, refuses = () => false, ...fault }, seen) => {
    const artifacts = artifactsIn(body);
    if (artifacts === undefined) return refusal(400, 'invalid request body');
    const good = artifacts.filter(isArtifact);
    if (fault.blocks !== undefined && good.some(fault.blocks.which)) return fault.blocks.answer;
    if (good.some(refuses)) return refusal(400, 'invalid artifact');
    const taken = good.filter((artifact: Artifact) => !rejects(artifact));
    for (const artifact of taken) archive.take(artifact, fault.hiddenForSearches);
    seen.accepted = taken.length;
    seen.rejected = artifacts.length - taken.length;
    const data = { accepted: seen.accepted, rejected: seen.rejected };
    return json(200, { success: true, message: 'Artifacts accepted for processing', data });
  };

  const search: Handler = ({ params }) => {
    const filters = readFilters(params);
    const limit = readCount(given(params, 'limit'), 50, 1, greatestLimit);
    const offset = readCount(given(params, 'offset'), 0, 0, Number.MAX_SAFE_INTEGER);
    if (filters === undefined || limit === undefined || offset === undefined)
      return refusal(400, 'invalid query parameters');
    archive.searched();
    const found = archive.search(filters);
    const artifacts = found.slice(offset, offset + limit).map(answered);
    const data = { artifacts, total: found.length, limit, offset };
    return json(200, { success: true, message: 'OK', data });
  };

  const allowed =
    (permission: Permission, handler: Handler): Handler =>
    (request, fault, seen) => {
      const [, presented] = /^Bearer (\S+)$/.exec(request.authorization ?? '') ?? [];
      if (presented === undefined) return refusal(401, 'missing authorization');
      const claims = readToken(presented, key);
      if (claims === undefined) return refusal(401, 'invalid token');
      if (claims.exp * 1000 <= nowMs()) return refusal(401, 'token expired');
      if (!claims.permissions.includes(permission)) return refusal(403, 'permission denied');
      return handler(request, fault, seen);
    };

  const handlers: Record<Route, Handler> = {
    login,
    ingest: allowed('signals:write', ingest),
    search: allowed('signals:read', search),
    other: () => refusal(404, 'not found'),
  };

  return {
    /** Carries out a request, as far as the fault allows it. */
    answer(request: ReceivedRequest, fault: Fault, seen: SeenRequest): Answer {
      if (seen.bytes > (fault.largestBytes ?? Number.POSITIVE_INFINITY))
        return refusal(413, 'request body too large');
      return fault.answer ?? handlers[seen.route](request, fault, seen);
    },
    revokeTokens() {
      key = randomBytes(32);
    },
  };
}

export type Api = ReturnType<typeof createApi>;
