import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ReceivedRequest, sendAnswer } from '../console/answer.ts';
import type { KeyPair } from '../console/certificates.ts';
import { faultOf, record } from '../http/fault-rules.ts';
import { listen } from '../http/listen.ts';
import { bodyOf } from '../http/serve.ts';
import { type Api, artifactsIn, routeOf } from './api.ts';
import type { FaultRule, SeenRequest } from './faults.ts';

/** Larger than any request of the forwarder. */
const mostBytes = 64 * 2 ** 20;

export interface ApiServerOptions {
  api: Api;
  certificate: KeyPair;
  nowMs: () => number;
  faults: readonly FaultRule[];
  requests: SeenRequest[];
}

export async function startApiServer({ api, certificate, nowMs, faults, requests }: ApiServerOptions) {
  const note = ({ method, path, body }: ReceivedRequest, bytes: number): SeenRequest => {
    const route = routeOf(method, path);
    const artifacts = route === 'ingest' ? artifactsIn(body)?.length : undefined;
    const seen: SeenRequest = { at: nowMs(), route, method, path, bytes };
    if (artifacts !== undefined) seen.artifacts = artifacts;
    return record(requests, seen);
  };

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    response.setHeader('date', new Date(nowMs()).toUTCString());
    const bytes = await bodyOf(request, mostBytes);
    const asked = read(request, bytes.toString('utf8'));
    const seen = note(asked, bytes.length);
    const fault = faultOf(faults, seen) ?? {};
    if (fault.delayMs !== undefined) await sleep(fault.delayMs);
    if (fault.hang === 'before') return;
    if (fault.cut === 'before') return void response.socket?.destroy();
    const own = api.answer(asked, fault, seen);
    const answer = fault.prefix === undefined ? own : { ...own, body: `${fault.prefix}${own.body}` };
    if (fault.hang === 'after') return;
    if (fault.cut === 'after') return void response.socket?.destroy();
    seen.status = answer.status;
    await sendAnswer(response, answer, fault);
  };

  const { key, cert } = certificate;
  const server = createServer({ key, cert, keepAliveTimeout: 75_000 }, (request, response) => {
    response.sendDate = false;
    serve(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  // Ignores clients that do not trust the authority.
  server.on('tlsClientError', () => {});
  return listen(server);
}

function read({ method = 'GET', url = '/', headers }: IncomingMessage, body: string): ReceivedRequest {
  const { pathname, searchParams } = new URL(url, 'https://analytics.invalid');
  return {
    method,
    path: pathname.replace(/^\/api(?=\/v1\/)/, ''),
    params: searchParams,
    authorization: headers.authorization,
    body,
  };
}
