import { jsonOf, serve } from '../http/serve.ts';

interface Invoked {
  invoke(event: unknown): Promise<unknown>;
  readonly isFull: boolean;
}

/** A stand-in for Lambda's `Invoke`, for functions that run one invocation at a time. */
export interface LocalLambda {
  readonly endpoint: string;
  close(): Promise<void>;
}

/**
 * Serves the functions by name. As with a reserved concurrency of one, a synchronous call to a busy function is
 * throttled.
 */
export async function startLambda(
  functions: ReadonlyMap<string, Invoked>,
  sessionToken: string,
): Promise<LocalLambda> {
  const { endpoint, close } = await serve(
    async (request, response) => {
      const answer = (status: number, body: unknown, headers: Record<string, string> = {}) => {
        response.writeHead(status, { 'content-type': 'application/json', ...headers });
        response.end(JSON.stringify(body));
      };
      const refuse = (status: number, type: string, Message: string) =>
        answer(status, { Message }, { 'x-amzn-errortype': type });
      const [, name = ''] = /^\/2015-03-31\/functions\/([\w-]+)\/invocations$/.exec(request.url ?? '') ?? [];
      const invoked = functions.get(name);
      const event = await jsonOf(request);
      if (invoked === undefined)
        return refuse(404, 'ResourceNotFoundException', `there is no function ${name}`);
      if (request.headers['x-amz-invocation-type'] === 'Event') {
        // The caller does not wait for the result, which is in the function's log.
        invoked.invoke(event).catch(() => undefined);
        return response.writeHead(202).end();
      }
      if (invoked.isFull) return refuse(429, 'TooManyRequestsException', 'Rate Exceeded.');
      try {
        answer(200, (await invoked.invoke(event)) ?? null);
      } catch (error) {
        const errorMessage = error instanceof Error ? error.message : String(error);
        answer(200, { errorType: 'Error', errorMessage }, { 'x-amz-function-error': 'Unhandled' });
      }
    },
    { sessionToken },
  );
  return { endpoint, close };
}
