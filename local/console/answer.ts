import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';

/** A page before it is serialised, so that a fault can change its pagination. */
export interface Page {
  /** The texts of the records, which are sent unchanged. */
  records: string[];
  pagination: { nextCursor?: string | null; totalItems?: number } | null;
}

export interface ReceivedRequest {
  method: string;
  /** Without the API's prefix. */
  path: string;
  params: URLSearchParams;
  authorization: string | undefined;
  body: string;
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string | Buffer | Page;
}

/** How a response is sent, if not in the normal way. */
export interface Travel {
  truncateAt?: number;
  trickle?: { bytes: number; everyMs: number };
  /** The format that the server calls `deflate`. With `unasked`, it is sent even to clients that do not accept it. */
  deflate?: { form: 'raw' | 'zlib' | 'gzip'; unasked?: boolean };
}

/** Joins the texts of the records, because parsing them would round their numbers. */
const writePage = ({ records, pagination }: Page) =>
  `{"data":[${records.join(',')}],"pagination":${JSON.stringify(pagination)},"errors":null}`;

function bytesOf(body: Answer['body']): Buffer {
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : writePage(body));
}

async function* pieces(bytes: Buffer, { truncateAt = bytes.length, trickle }: Travel) {
  const sent = bytes.subarray(0, truncateAt);
  const size = trickle?.bytes ?? Math.max(1, sent.length);
  for (let at = 0; at < sent.length; at += size) {
    if (at > 0 && trickle) await sleep(trickle.everyMs);
    yield sent.subarray(at, at + size);
  }
}

const deflaters = { raw: deflateRawSync, zlib: deflateSync, gzip: gzipSync };

/** Sends a response, compressed if the client accepts that and it is not compressed already. */
export async function sendAnswer(
  response: ServerResponse,
  { status, headers, body }: Answer,
  travel: Travel,
): Promise<void> {
  const taken = String(response.req.headers['accept-encoding'] ?? '');
  const { deflate } = travel;
  const encoding =
    'content-encoding' in headers
      ? undefined
      : deflate && (deflate.unasked || /\bdeflate\b/.test(taken))
        ? 'deflate'
        : /\bgzip\b/.test(taken)
          ? 'gzip'
          : undefined;
  const pack = encoding === 'deflate' ? deflaters[deflate?.form ?? 'zlib'] : gzipSync;
  const plain = bytesOf(body);
  const bytes = encoding === undefined ? plain : pack(plain, { level: 1 });
  response.writeHead(status, {
    ...headers,
    ...(encoding && { 'content-encoding': encoding }),
    'content-length': bytes.length,
  });
  for await (const piece of pieces(bytes, travel)) {
    if (response.destroyed) return;
    response.write(piece);
  }
  if (travel.truncateAt === undefined) response.end();
  else response.socket?.end();
}
