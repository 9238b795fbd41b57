import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { BadRequest, bodyOf, serve } from '../http/serve.ts';

interface Invocation {
  readonly id: string;
  readonly event: unknown;
  readonly functionArn: string;
  /** Milliseconds since 1970. */
  readonly deadline: number;
}

/** What the runtime result of an invocation, or of its start. */
export type RuntimeResult =
  | { readonly kind: 'response'; readonly id: string; readonly body: unknown }
  | {
      readonly kind: 'error';
      readonly id: string;
      readonly body: { errorType: string; errorMessage: string };
    }
  | { readonly kind: 'init-error'; readonly body: { errorType: string; errorMessage: string } };

export interface RuntimeApi {
  /** `host:port/key`, for AWS_LAMBDA_RUNTIME_API: only its own function knows the random key. `host:port` without a key. */
  readonly address: string;
  /** Sends the event when the runtime asks for the next one. */
  hand(invocation: Invocation): void;
  /** Drops events that the runtime has not asked for. */
  clear(): void;
  close(): Promise<void>;
}

/** Starts Lambda's side of the Runtime API on a local port. */
export async function startRuntimeApi(
  onResult: (result: RuntimeResult) => void,
  { hasKey = true } = {},
): Promise<RuntimeApi> {
  let waiting: ServerResponse | undefined;
  let pending: Invocation | undefined;
  const meet = () => {
    if (waiting === undefined || pending === undefined) return;
    waiting.setHeader('content-type', 'application/json');
    waiting.setHeader('lambda-runtime-aws-request-id', pending.id);
    waiting.setHeader('lambda-runtime-deadline-ms', String(pending.deadline));
    waiting.setHeader('lambda-runtime-invoked-function-arn', pending.functionArn);
    waiting.end(JSON.stringify(pending.event));
    waiting = undefined;
    pending = undefined;
  };
  const prefix = hasKey ? `/${randomBytes(32).toString('base64url')}` : '';
  const { port, close } = await serve(async (request, response) => {
    const { url = '' } = request;
    if (!url.startsWith(`${prefix}/`)) throw new BadRequest(403, 'The key is wrong.');
    const [, , , area, idOrError = '', kind] = url.slice(prefix.length).split('/');
    if (area === 'invocation' && idOrError === 'next') {
      waiting = response;
      response.once('close', () => {
        if (waiting === response) waiting = undefined;
      });
      return meet();
    }
    const body = JSON.parse((await bodyOf(request)).toString());
    response.writeHead(202).end();
    if (area === 'init') onResult({ kind: 'init-error', body });
    else if (kind === 'response' || kind === 'error') onResult({ kind, id: idOrError, body });
  });
  return {
    address: `127.0.0.1:${port}${prefix}`,
    hand(invocation) {
      pending = invocation;
      meet();
    },
    clear() {
      pending = undefined;
    },
    close,
  };
}
