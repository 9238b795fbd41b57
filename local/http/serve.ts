import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { listen } from './listen.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A request that is refused with a status and a reason. */
export class BadRequest extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface Serving {
  readonly port: number;
  readonly endpoint: string;
  close(): Promise<void>;
}

export interface Callers {
  /** The AWS session token that every request must have. */
  readonly sessionToken?: string;
  /** Also answers this server's own pages: Chromium sends their origin when it loads a module script. */
  readonly ownPages?: boolean;
  /** The port, or the next free one (default: any free port). */
  readonly port?: number | undefined;
}

/**
 * Serves HTTP on a loopback port. Refuses foreign `Host` headers, which DNS rebinding sends, and any `Origin`,
 * which web pages send. An error of the handler ends its request, not the process.
 */
export async function serve(handler: Handler, callers: Callers = {}): Promise<Serving> {
  let hosts: readonly string[] = [];
  const server = createServer(async (request, response) => {
    try {
      if (!hosts.includes(request.headers.host ?? ''))
        throw new BadRequest(421, 'This is available at 127.0.0.1 only.');
      refuseUnauthorized(request, callers);
      await handler(request, response);
    } catch (error) {
      refuse(response, error);
    }
  });
  const { port, close } = await listen(server, callers.port);
  hosts = ['127.0.0.1', 'localhost'].map((name) => `${name}:${port}`);
  return { port, endpoint: `http://127.0.0.1:${port}`, close };
}

function refuseUnauthorized({ headers }: IncomingMessage, { sessionToken, ownPages }: Callers): void {
  const isOwn = ownPages === true && headers.origin === `http://${headers.host}`;
  if (headers.origin !== undefined && !isOwn) throw new BadRequest(403, 'Not available to other web pages.');
  if (sessionToken !== undefined && !equal(String(headers['x-amz-security-token']), sessionToken))
    throw new BadRequest(403, 'The security token included in the request is invalid.');
}

function equal(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  const { status = 500, message } = error as Partial<BadRequest>;
  response.writeHead(status, {
    'content-type': 'application/json',
    'x-content-type-options': 'nosniff',
    // The rest of the request is not read.
    connection: 'close',
  });
  response.end(JSON.stringify({ __type: types[status] ?? 'InternalFailure', message }));
}

const types: Readonly<Record<number, string>> = {
  400: 'SerializationException',
  403: 'UnrecognizedClientException',
  413: 'RequestEntityTooLargeException',
};

const mebibyte = 2 ** 20;

/** Reads the body. Throws BadRequest if it is larger than `most` bytes, and the stream's error if the client aborts. */
export async function bodyOf(request: IncomingMessage, most = 16 * mebibyte): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request.iterator({ destroyOnReturn: false })) {
    bytes += piece.length;
    if (bytes > most) throw new BadRequest(413, `The request is larger than ${most} bytes.`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** Reads the posted JSON object, or `{}` if the body is empty. Throws BadRequest for anything else. */
export async function jsonOf(request: IncomingMessage): Promise<object> {
  if (request.method !== 'POST') throw new BadRequest(405, 'Only POST is allowed.');
  const text = (await bodyOf(request)).toString();
  const value = text === '' ? {} : parsed(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BadRequest(400, 'The body is not a JSON object.');
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BadRequest(400, 'The body is not JSON.');
  }
}

/** Reads the whole body first, for a handler that cannot handle an aborted request. */
export async function whole(request: IncomingMessage): Promise<IncomingMessage> {
  const { method, url, headers } = request;
  const body = Readable.from([await bodyOf(request)], { objectMode: false });
  return Object.assign(body, { method, url, headers }) as unknown as IncomingMessage;
}
