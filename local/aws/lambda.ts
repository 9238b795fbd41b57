import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A function as the endpoint needs it. */
interface Invoked {
  invoke(event: unknown): Promise<unknown>;
  /** An invocation is under way or waits. */
  readonly busy: boolean;
}

/** A stand-in for Lambda's `Invoke`, for functions that run once at a time. */
export interface LocalLambda {
  readonly endpoint: string;
  close(): void;
}

/** Serves the functions, by name; as with a reserved concurrency of one, a caller who waits for an answer is throttled. */
export async function startLambda(functions: ReadonlyMap<string, Invoked>): Promise<LocalLambda> {
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: unknown, headers: Record<string, string> = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(body));
    };
    const refuse = (status: number, type: string, Message: string) =>
      answer(status, { Message }, { 'x-amzn-errortype': type });
    const name = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(request.url ?? '')?.[1];
    const invoked = functions.get(decodeURIComponent(name ?? ''));
    const payload = await text(request);
    if (invoked === undefined)
      return refuse(404, 'ResourceNotFoundException', `there is no function ${name}`);
    const event = payload === '' ? {} : JSON.parse(payload);
    if (request.headers['x-amz-invocation-type'] === 'Event') {
      // The result is in its log; the caller does not wait for it.
      invoked.invoke(event).catch(() => undefined);
      return response.writeHead(202).end();
    }
    if (invoked.busy) return refuse(429, 'TooManyRequestsException', 'Rate Exceeded.');
    try {
      answer(200, (await invoked.invoke(event)) ?? null);
    } catch (error) {
      const errorMessage = error instanceof Error ? error.message : String(error);
      answer(200, { errorType: 'Error', errorMessage }, { 'x-amz-function-error': 'Unhandled' });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
