import https from 'node:https';
import got, { type OptionsInit, type Response } from 'got';
import { type Analytics, type AnalyticsOptions, startAnalytics } from '../../../local/analytics/analytics.ts';
import type { Artifact } from '../../../local/analytics/artifact.ts';

/** A moment that the tests agree on; no test reads the machine's clock. */
export const noon = Date.UTC(2026, 2, 1, 12);

export const credentials = { email: 'collector@example.com', password: 'secret-of-the-test' };

/** Seconds after noon, or before. */
export const at = (seconds: number) => new Date(noon + seconds * 1000).toISOString();

export function artifact(
  id: string,
  metadata: Artifact['metadata'] = {},
  more: Partial<Artifact> = {},
): Artifact {
  return {
    source: 'sentinelone',
    raw: `{"id":"${id}"}`,
    timestamp: at(0),
    metadata: { id, ...metadata },
    ...more,
  };
}

/** Analytics and a client that reaches it over HTTPS, trusting nothing but the authority that it hands out. */
export async function startGiven(options: AnalyticsOptions = {}) {
  const clock = { ms: noon };
  const users = [{ ...credentials, permissions: ['signals:read', 'signals:write'] as const }];
  const analytics = await startAnalytics({ nowMs: () => clock.ms, users, ...options });
  const agent = new https.Agent({ keepAlive: true, ca: analytics.caPem });

  const ask = (path: string, options: OptionsInit = {}) =>
    got(analytics.url + path, {
      agent: { https: agent },
      throwHttpErrors: false,
      followRedirect: false,
      retry: { limit: 0 },
      ...options,
    }) as Promise<Response<string>>;

  const login = async (body: object = credentials) =>
    answerOf(await ask('/api/v1/auth/login', { method: 'POST', json: body }));

  const token = async (): Promise<string> => (await login()).body.data.token;

  const bearing = (bearer: string) => ({ headers: { authorization: `Bearer ${bearer}` } });

  return {
    analytics,
    clock,
    ask,
    login,
    token,
    async post(artifacts: unknown, bearer?: string) {
      const json = { artifacts };
      return answerOf(
        await ask('/api/v1/artifacts', { method: 'POST', json, ...bearing(bearer ?? (await token())) }),
      );
    },
    async find(query: Record<string, string | number> = {}, bearer?: string) {
      const searchParams = Object.fromEntries(
        Object.entries(query).map(([name, value]) => [name, String(value)]),
      );
      return answerOf(
        await ask('/api/v1/artifacts', { searchParams, ...bearing(bearer ?? (await token())) }),
      );
    },
    async close() {
      agent.destroy();
      await analytics.close();
    },
  };
}

export type Given = Awaited<ReturnType<typeof startGiven>>;

export const answerOf = ({ statusCode, body }: Response<string>) => ({
  status: statusCode,
  // biome-ignore lint/suspicious/noExplicitAny: each test says what it expects in it
  body: JSON.parse(body) as any,
});

/** The ids that an answer found, in its order. */
export const idsIn = ({ body }: { body: { data: { artifacts: { metadata: { id: string } }[] } } }) =>
  body.data.artifacts.map(({ metadata }) => metadata.id);

/** How an attempt fails: the code of its error. */
export const failure = (asked: Promise<unknown>) =>
  asked.then(
    () => 'answered',
    (error: { code: string }) => error.code,
  );

/** The ids of what the stand-in holds, in order of arrival. */
export const held = ({ accepted }: Analytics) => accepted.map(({ metadata }) => metadata.id);
