import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { BareEvent } from './bare.ts';

const gunzipped = promisify(gunzip);
const toConsole = new https.Agent({ keepAlive: true, proxyEnv: process.env });
const toQueue = new http.Agent({ keepAlive: true });

/** TLS, gunzip, SHA-256 and the same bytes written: no client, no text, no parsing. */
export async function handler(event: BareEvent): Promise<number> {
  let pages = 0;
  let next = event.pages > 0 ? fetchPage(event) : undefined;
  while (next !== undefined) {
    const page = await next;
    const token = /"nextCursor":"([^"]+)"/.exec(page.toString('latin1', page.length - 1000))?.[1];
    next = token === undefined ? undefined : fetchPage(event, token);
    if (page.length >= 1000) await send(page, event);
    pages += 1;
  }
  return pages;
}

async function fetchPage({ host, path }: BareEvent, cursor?: string): Promise<Buffer> {
  const query = new URLSearchParams({ limit: '1000', ...(cursor && { cursor }) });
  const headers = { authorization: 'ApiToken a-token', 'accept-encoding': 'gzip' };
  const request = https.get(`https://${host}/web/api/v2.1${path}?${query}`, { agent: toConsole, headers });
  return gunzipped(await bodyOf(request));
}

async function bodyOf(request: http.ClientRequest): Promise<Buffer> {
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function send(page: Buffer, { calls, bytes }: BareEvent): Promise<void> {
  const length = Math.floor(bytes / calls);
  for (let call = 0; call < calls; call++) {
    const body = Buffer.allocUnsafe(length);
    for (let at = 0; at < length; at += page.length) page.copy(body, at);
    const headers = {
      'x-amz-target': 'AmazonSQS.SendMessageBatch',
      'x-amz-content-sha256': createHash('sha256').update(body).digest('hex'),
      'content-length': length,
    };
    const request = http.request(process.env.AWS_ENDPOINT_URL_SQS ?? '', {
      method: 'POST',
      agent: toQueue,
      headers,
    });
    request.end(body);
    await bodyOf(request);
  }
}
