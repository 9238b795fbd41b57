import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import got from 'got';
import { clientConfig } from '../../functions/adapters/aws.ts';

/** What the loop is told: where, how much, and how much it sends for each page. */
export interface BareEvent {
  readonly host: string;
  readonly path: string;
  /** None: it only gets ready. */
  readonly pages: number;
  /** SQS calls for each page. */
  readonly calls: number;
  /** Messages in each call. */
  readonly messages: number;
  /** Of request bodies on the wire for each page. */
  readonly bytes: number;
}

const console = got.extend({
  followRedirect: false,
  throwHttpErrors: false,
  retry: { limit: 0 },
  headers: { accept: 'application/json', authorization: 'ApiToken a-token' },
});
const sqs = new SQSClient({ ...clientConfig, md5: false });

/** What can't be avoided: each page is fetched, and as many of its bytes are sent as the collector sends. */
export async function handler(event: BareEvent): Promise<number> {
  let records = 0;
  let next = event.pages > 0 ? fetchPage(event) : undefined;
  let before: Promise<unknown> = Promise.resolve();
  while (next !== undefined) {
    const page = await next;
    const token = /"nextCursor":"([^"]+)"/.exec(page.slice(-1000))?.[1];
    next = token === undefined ? undefined : fetchPage(event, token);
    await before;
    before = send(page, event);
    records += 1;
    if (next === undefined) await before;
  }
  return records;
}

async function fetchPage({ host, path }: BareEvent, cursor?: string): Promise<string> {
  const query = new URLSearchParams({ limit: '1000', ...(cursor && { cursor }) });
  const url = new URL(`https://${host}/web/api/v2.1${path}?${query}`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of console.stream(url, { timeout: { request: 60_000 } })) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

async function send(page: string, { calls, messages, bytes }: BareEvent): Promise<void> {
  if (page.length < 1000) return;
  const each = bytes / calls / messages;
  // Quotes and backslashes grow on the wire.
  const sample = page.slice(0, 50_000);
  const length = Math.floor((each * sample.length) / Buffer.byteLength(JSON.stringify(sample)));
  const body = (i: number) => {
    const from = (i * length) % page.length;
    const text = page.slice(from, from + length);
    return text.length < length ? text + page.slice(0, length - text.length) : text;
  };
  await Promise.all(
    Array.from({ length: calls }, (_, call) =>
      sqs.send(
        new SendMessageBatchCommand({
          QueueUrl: `${process.env.AWS_ENDPOINT_URL_SQS}/000000000000/artifacts`,
          Entries: Array.from({ length: messages }, (_, i) => ({
            Id: String(i),
            MessageBody: body(call * messages + i),
          })),
        }),
      ),
    ),
  );
}
