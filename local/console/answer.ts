import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';

/** A page before it is written, so that a fault can still change its pagination. */
export interface Page {
  /** The texts of the records, answered as they are. */
  records: string[];
  pagination: { nextCursor?: string | null; totalItems?: number } | null;
}

/** What the console says to one request. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string | Buffer | Page;
}

/** How an answer travels, when it does not simply travel. */
export interface Travel {
  /** Only so many bytes are sent, then the connection is cut. */
  truncateAt?: number;
  /** A few bytes at a time. */
  trickle?: { bytes: number; everyMs: number };
  /** What `deflate` means to the server: sent to clients that take it, or to all of them. */
  deflate?: { form: 'raw' | 'zlib' | 'gzip'; unasked?: boolean };
}

/** Joins the records' own texts: parsing and printing would round their numbers. */
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

/** Sends an answer, compressed where the client takes it and the answer is not compressed already. */
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
