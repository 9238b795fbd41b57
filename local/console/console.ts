import type { Answer, ReceivedRequest } from './answer.ts';
import type { FaultRule, SeenRequest } from './faults.ts';
import { createGraphql, type GraphqlOptions } from './graphql/graphql.ts';
import { readPage } from './listing.ts';
import { readQuery } from './query.ts';
import { createRateLimit } from './rate-limit.ts';
import { RefusedRequest, refusals } from './refusals.ts';
import { sitesAnswer } from './sites.ts';
import { createStore, type Store } from './store.ts';
import { plainStream, type Stream, streams } from './streams.ts';
import { goodToken, hasPermission, presentedToken, type Token } from './tokens.ts';

/** Stores the records of a source, by stream name. */
export interface RecordSink {
  /** Adds a record, or replaces the one with its id. `values` overrides fields that are missing or different in the text. */
  put(stream: string, text: string, values?: Record<string, unknown>): void;
  add(stream: string, text: string): void;
  remove(stream: string, id: string): void;
}

export interface Source {
  start(sink: RecordSink, nowMs: number): void;
  /** Updates the records to a time. Called before each response. */
  advanceTo?(nowMs: number): void;
}

export interface ConsoleOptions {
  tokens: Token[];
  /** Without a source, the console is empty, and tests add records. */
  source?: Source;
  /** Streams in addition to threats, activities and agents, by name. */
  streams?: Record<string, Stream>;
  /** How its GraphQL API differs from the newest one. */
  graphql?: GraphqlOptions;
  rateLimits?: boolean;
  retryAfter?: 'absent' | 'seconds' | 'date';
  /** The first faults of the console. */
  faults?: readonly FaultRule[];
  /** False: the certificate is signed by an untrusted authority. */
  trusted?: boolean;
}

/** A type of activities as the console describes it. */
interface ActivityType {
  id: number;
  action: string;
  descriptionTemplate?: string | null;
}

export interface SimulatedConsole extends RecordSink {
  host: string;
  /** Can be changed at any time. */
  tokens: Token[];
  faults: FaultRule[];
  requests: SeenRequest[];
  /** Can be replaced at any time. */
  graphql: GraphqlOptions;
  /** The types that it names. Can be replaced at any time. */
  activityTypes: readonly ActivityType[];
  /** The texts of all records of a stream, ascending by id. */
  texts(stream: string): string[];
  /** Serves another stream (default path: `/<name>`). */
  serve(name: string, stream?: Stream): void;
}

export interface Clocks {
  nowMs: () => number;
  /** Measures request rates, independent of the console's clock. */
  monotonicMs: () => number;
}

interface Route {
  rate?: Stream['rate'];
  /** Default: any valid token. False: no token required. */
  needs?: string | false;
  answer(request: ReceivedRequest, token: Token | undefined): Answer;
}

const page = (body: Answer['body']): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body,
});
const data = (value: unknown) => page(JSON.stringify({ data: value }));

/** A few of the types that a console names. */
const activityTypes: ActivityType[] = [
  {
    id: 19,
    action: 'New Malicious Threat Not Mitigated',
    descriptionTemplate: 'Threat {{ threat }} was found',
  },
  { id: 73, action: 'Site Policy Changed', descriptionTemplate: '{{ username }} changed the policy' },
  { id: 5232, action: 'Firewall Blocked', descriptionTemplate: null },
  { id: 7200, action: 'API Token Used', descriptionTemplate: '{{ username }} used an API token' },
];

export function createConsole(host: string, options: ConsoleOptions, clocks: Clocks) {
  const stores = new Map<string, Store>();
  const routes = new Map<string, Route>();
  const limits = new Map<string, () => boolean>();
  const { source, rateLimits = true, retryAfter = 'absent' } = options;

  const storeOf = (stream: string): Store => {
    const store = stores.get(stream);
    if (!store) throw new Error(`${host} has no stream ${stream}`);
    return store;
  };

  const simulated: SimulatedConsole = {
    host,
    tokens: [...options.tokens],
    faults: [...(options.faults ?? [])],
    requests: [],
    graphql: options.graphql ?? {},
    activityTypes,
    put: (stream, text, values) => storeOf(stream).put(text, values),
    add: (stream, text) => storeOf(stream).add(text),
    remove: (stream, id) => storeOf(stream).remove(id),
    texts: (stream) =>
      storeOf(stream)
        .sortedBy('id')
        .map(({ text }) => text),
    serve(name, stream = plainStream(`/${name}`)) {
      const store = createStore(stream);
      stores.set(name, store);
      const route = {
        ...(stream.rate && { rate: stream.rate }),
        ...(stream.permission && { needs: stream.permission }),
      };
      if (stream.isGraphql) {
        let known = { of: simulated.graphql, served: createGraphql(store, simulated.graphql) };
        const graphql = () => {
          if (known.of !== simulated.graphql)
            known = { of: simulated.graphql, served: createGraphql(store, simulated.graphql) };
          return known.served;
        };
        const { path } = stream;
        routes.set(`POST ${path}`, {
          ...route,
          answer: ({ body }, token) => graphql().answer(body, token?.sees),
        });
        routes.set(`POST ${path}/schema`, { ...route, answer: () => graphql().schema() });
        return;
      }
      routes.set(`GET ${stream.path}`, {
        ...route,
        answer: ({ params }, token) => page(readPage(store, readQuery(stream, params, token?.sees))),
      });
    },
  };

  routes.set('GET /system/status', {
    needs: false,
    rate: { perSecond: 1, burst: 1 },
    answer: () => data({ health: 'ok' }),
  });
  routes.set('GET /system/info', {
    answer: () =>
      data({ build: '100', latestAgentVersion: '24.2.3.471', patch: '3', release: 'W', version: 'W#100' }),
  });
  routes.set('GET /activities/types', {
    needs: 'Activity Page.view',
    answer: () => data(simulated.activityTypes),
  });
  routes.set('GET /sites', {
    answer: (_, token) => page(sitesAnswer(simulated.texts('agents'), token?.sees)),
  });
  routes.set('POST /users/api-token-details', {
    answer: ({ body }) => {
      const request = simulated.tokens.find(({ token }) => token === apiTokenIn(body));
      if (!request) throw new RefusedRequest(refusals.invalid('apiToken: Not a valid token.'));
      return data({ createdAt: request.createdAt ?? null, expiresAt: request.expiresAt ?? null });
    },
  });
  for (const [name, stream] of Object.entries({ ...streams, ...options.streams }))
    simulated.serve(name, stream);
  source?.start(simulated, clocks.nowMs());

  const retryAfterValue = {
    absent: () => undefined,
    seconds: () => '1',
    date: () => new Date(clocks.nowMs() + 1000).toUTCString(),
  };

  const withinRate = ({ rate }: Route, request: ReceivedRequest) => {
    if (!rateLimits || !rate) return true;
    const key = `${request.path} ${presentedToken(request.authorization)}`;
    const limit = limits.get(key) ?? createRateLimit(rate, clocks.monotonicMs);
    limits.set(key, limit);
    return limit();
  };

  const respond = (request: ReceivedRequest): Answer => {
    const route = routes.get(`${request.method} ${request.path}`);
    if (!route) return refusals.notFound();
    if (!withinRate(route, request)) return refusals.tooManyRequests(retryAfterValue[retryAfter]());
    const presented = presentedToken(request.authorization);
    const token = goodToken(simulated.tokens, presented, clocks.nowMs());
    if (route.needs !== false) {
      if (!token) return refusals.unauthorized(presented);
      if (!hasPermission(token, route.needs)) return refusals.forbidden(token.missingPermissionStatus);
    }
    return route.answer(request, token);
  };

  /** The console's response, before any fault is applied. */
  const answer = (request: ReceivedRequest): Answer => {
    source?.advanceTo?.(clocks.nowMs());
    try {
      return respond(request);
    } catch (error) {
      if (error instanceof RefusedRequest) return error.answer;
      throw error;
    }
  };

  return { simulated, answer };
}

function apiTokenIn(body: string): unknown {
  try {
    return JSON.parse(body)?.data?.apiToken;
  } catch {
    return undefined;
  }
}
