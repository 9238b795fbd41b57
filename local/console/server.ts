import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SecureContext } from 'node:tls';
import { faultOf, record } from '../http/fault-rules.ts';
import { listen } from '../http/listen.ts';
import { bodyOf } from '../http/serve.ts';
import { type Answer, type ReceivedRequest, sendAnswer } from './answer.ts';
import type { createConsole } from './console.ts';
import { type Fault, type SeenRequest, withFault } from './faults.ts';
import { refusals } from './refusals.ts';
import { presentedToken } from './tokens.ts';

const prefix = '/web/api/v2.1';

/** The default limit of nginx. */
const longestLine = 8 * 1024;

export type Served = ReturnType<typeof createConsole> & { certificate: SecureContext };

function split(url: string): { path: string; params: URLSearchParams } {
  const { pathname, searchParams } = new URL(url, 'https://console.invalid');
  const path = pathname.startsWith(`${prefix}/`) ? pathname.slice(prefix.length) : pathname;
  return { path, params: searchParams };
}

/** What a GraphQL request has in place of the parameters of a list. */
function variablesOf({ method, body }: ReceivedRequest): Record<string, string> {
  if (method !== 'POST' || !body.includes('"variables"')) return {};
  try {
    const { first, after } = JSON.parse(body).variables;
    return {
      ...(first !== undefined && { limit: String(first) }),
      ...(after !== undefined && { cursor: after }),
    };
  } catch {
    return {};
  }
}

/** Starts the HTTPS server of all consoles. The host name of a request selects the console. */
export async function startServer(find: (host: string) => Served | undefined, nowMs: () => number) {
  const consoleOf = (name: string | undefined) => find((name ?? '').toLowerCase().replace(/:\d+$/, ''));

  const note = ({ simulated: { requests } }: Served, asked: ReceivedRequest): SeenRequest => {
    const { method, path, params, authorization } = asked;
    const token = presentedToken(authorization);
    const query = { ...Object.fromEntries(params), ...variablesOf(asked) };
    return record(requests, { at: nowMs(), method, path, query, token });
  };

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    response.setHeader('date', new Date(nowMs()).toUTCString());
    const console = consoleOf(request.headers.host);
    if (!console) return sendAnswer(response, refusals.misdirected(), {});
    const { method = 'GET', url = '/' } = request;
    if (url.length > longestLine)
      return sendAnswer(response, refusals.page(414, 'Request-URI Too Large'), {});
    const asked: ReceivedRequest = {
      ...split(url),
      method,
      authorization: request.headers.authorization,
      body: (await bodyOf(request)).toString(),
    };
    const seen = note(console, asked);
    const fault = faultOf(console.simulated.faults, seen) ?? {};
    await respondWith(response, fault, seen, () => console.answer(asked));
  };

  const server = createServer(
    {
      SNICallback: (name, done) => {
        const console = consoleOf(name);
        if (console) done(null, console.certificate);
        else done(new Error(`no console is called ${name}`));
      },
      keepAliveTimeout: 75_000,
    },
    (request, response) => {
      response.sendDate = false;
      serve(request, response).catch((error: unknown) => response.destroy(error as Error));
    },
  );
  // Ignores clients that disconnect during the handshake.
  server.on('tlsClientError', () => {});

  return listen(server);
}

async function respondWith(response: ServerResponse, fault: Fault, seen: SeenRequest, own: () => Answer) {
  if (fault.delayMs) await sleep(fault.delayMs);
  if (fault.hang) return;
  if (fault.reset) {
    response.socket?.destroy();
    return;
  }
  if (fault.takeOver && response.socket) return fault.takeOver(response.socket);
  const answer = withFault(fault.answer ?? own(), fault, seen);
  if (fault.headers?.date === null) response.removeHeader('date');
  seen.status = answer.status;
  await sendAnswer(response, answer, fault);
}
