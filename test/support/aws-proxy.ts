import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** One call of an AWS service, as it passes by. */
export interface AwsCall {
  readonly service: 'dynamodb' | 'sqs' | 'secrets-manager';
  /** Such as `SendMessageBatch`. */
  readonly operation: string;
  // biome-ignore lint/suspicious/noExplicitAny: each operation has an input of its own.
  readonly input: any;
  /** The service has done it; whether its answer arrives is another matter. */
  done: boolean;
}

/** An entry of SendMessageBatch. */
export interface BatchEntry {
  readonly Id: string;
  readonly MessageBody: string;
  readonly MessageAttributes: Readonly<Record<string, { readonly StringValue: string }>>;
}

/** What goes wrong with one call. */
export interface AwsFault {
  /** Takes the place of the service, which hears nothing of the call. */
  readonly answer?: { readonly status: number; readonly type: string };
  /** The connection is cut before the service hears of the call. */
  readonly cut?: true;
  /** The service does it, and the connection is cut instead of an answer. */
  readonly answerLost?: true;
  /** BatchGetItem, BatchWriteItem: the service gets this many of the batch at most; the rest is left over. */
  readonly processed?: number;
  /** SendMessageBatch: these entries are not accepted, and the queue never sees them. */
  readonly refused?: {
    readonly which: (entry: BatchEntry) => boolean;
    readonly senderFault: boolean;
    readonly code: string;
  };
}

/** Says whether, and what, goes wrong with a call. */
export type AwsFaultRule = (call: AwsCall) => AwsFault | undefined;

/** Selects the calls with a fault: of the matching ones, `times` calls from the `nth` (1-based), or all. */
export interface AwsRequestMatch {
  readonly which: (call: AwsCall) => boolean;
  readonly nth?: number;
  readonly times?: number;
}

/** A rule for the calls that match. */
export function befallAws(
  { which, nth = 1, times = Number.POSITIVE_INFINITY }: AwsRequestMatch,
  fault: AwsFault,
): AwsFaultRule {
  let matches = 0;
  return (call) => {
    if (!which(call)) return undefined;
    matches += 1;
    return matches >= nth && matches < nth + times ? fault : undefined;
  };
}

/** What AWS does to its callers, by name. */
export const awsFaults = {
  throttled: {
    answer: { status: 400, type: 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException' },
  },
  unavailable: { answer: { status: 503, type: 'com.amazonaws#ServiceUnavailable' } },
  cut: { cut: true },
  answerLost: { answerLost: true },
  leftOver: { processed: 0 },
  entriesRefused: (which: (entry: BatchEntry) => boolean, senderFault = false): AwsFault => ({
    refused: { which, senderFault, code: senderFault ? 'InvalidMessageContents' : 'ServiceUnavailable' },
  }),
  /** As SQS does it: `SenderFault` is true, no matter who is at fault. */
  entriesRefusedWith: (code: string): AwsFault => ({
    refused: { which: () => true, senderFault: true, code },
  }),
} satisfies Record<string, AwsFault | ((...args: never[]) => AwsFault)>;

/** A proxy between the functions and the AWS stand-ins, for tests that break things. */
export interface AwsProxy {
  /** Leads the AWS SDK of the functions here; S3 keeps its own way. */
  readonly environment: Readonly<Record<string, string>>;
  /** The first rule that names a fault wins. */
  faults: AwsFaultRule[];
  /** Told of each call that a service has done, before its answer is passed on. */
  onDone: (call: AwsCall) => void;
  /** Where DynamoDB answers reads that do not ask for consistency; undefined: where it answers all others. */
  staleReadsFrom: string | undefined;
  /** Every call, oldest first. */
  readonly calls: AwsCall[];
  /** Where the services are: the environment that would lead there without this proxy. */
  leadTo(environment: Readonly<Record<string, string>>): void;
  close(): void;
}

const services: Readonly<Record<string, { service: AwsCall['service']; endpoint: string }>> = {
  DynamoDB_20120810: { service: 'dynamodb', endpoint: 'AWS_ENDPOINT_URL_DYNAMODB' },
  AmazonSQS: { service: 'sqs', endpoint: 'AWS_ENDPOINT_URL_SQS' },
  secretsmanager: { service: 'secrets-manager', endpoint: 'AWS_ENDPOINT_URL_SECRETS_MANAGER' },
};

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export async function startAwsProxy(): Promise<AwsProxy> {
  const agent = new Agent({ keepAlive: true });
  let endpoints: Readonly<Record<string, string>> = {};

  const forward = async (url: string, headers: IncomingMessage['headers'], body: string): Promise<Answer> => {
    const { host: _, ...others } = headers;
    const sent = request(url, {
      method: 'POST',
      agent,
      headers: { ...others, 'content-length': Buffer.byteLength(body) },
    });
    sent.end(body);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: await text(answer) };
  };

  const serve = async (incoming: IncomingMessage, response: ServerResponse) => {
    const [prefix = '', operation = ''] = String(incoming.headers['x-amz-target']).split('.');
    const { service, endpoint } = services[prefix] ?? {};
    if (service === undefined || endpoint === undefined) throw new Error(`no service is called ${prefix}`);
    const body = await text(incoming);
    const call: AwsCall = { service, operation, input: JSON.parse(body), done: false };
    proxy.calls.push(call);
    const fault = faultOf(proxy.faults, call);
    if (fault.cut) return response.destroy();
    if (fault.answer) {
      const { status, type } = fault.answer;
      return send(response, status, JSON.stringify({ __type: type, message: 'by a fault of the test' }));
    }
    const from = isStale(call) ? proxy.staleReadsFrom : undefined;
    const url = new URL(incoming.url ?? '/', from ?? endpoints[endpoint]).href;
    const { headers } = incoming;
    const onward = (some: string) => forward(url, headers, some);
    const answer = fault.refused
      ? await forwardSome(call.input, fault.refused, onward)
      : fault.processed === undefined
        ? await onward(body)
        : await forwardFirst(call.input, fault.processed, onward);
    call.done = answer.status === 200;
    if (call.done) proxy.onDone(call);
    if (fault.answerLost) return response.destroy();
    send(response, answer.status, answer.body, answer.headers['content-type']);
  };

  const server = createServer((incoming, response) => {
    // A killed function leaves its calls half made.
    serve(incoming, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const proxy: AwsProxy = {
    environment: Object.fromEntries(Object.values(services).map(({ endpoint }) => [endpoint, address])),
    faults: [],
    staleReadsFrom: undefined,
    onDone: () => undefined,
    calls: [],
    leadTo(environment) {
      endpoints = environment;
    },
    close() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
    },
  };
  return proxy;
}

function faultOf(rules: readonly AwsFaultRule[], call: AwsCall): AwsFault {
  for (const rule of rules) {
    const fault = rule(call);
    if (fault) return fault;
  }
  return {};
}

function send(
  response: ServerResponse,
  status: number,
  body: string,
  type = 'application/x-amz-json-1.0',
): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
}

/** A read of DynamoDB that may be answered with what was there a moment ago. */
function isStale({ operation, input }: AwsCall): boolean {
  const reads = operation === 'BatchGetItem' ? Object.values<typeof input>(input.RequestItems) : [input];
  return /^(BatchGetItem|GetItem|Query|Scan)$/.test(operation) && reads.some((read) => !read.ConsistentRead);
}

interface Keys {
  readonly Keys: readonly unknown[];
}

/** Passes on the first items of a batch of one table, and answers that the others are unprocessed. */
async function forwardFirst(
  { RequestItems }: { readonly RequestItems: Readonly<Record<string, Keys | readonly unknown[]>> },
  most: number,
  forward: (body: string) => Promise<Answer>,
): Promise<Answer> {
  const [[table, batch] = ['', []]] = Object.entries(RequestItems);
  const isRead = 'Keys' in batch;
  const items = isRead ? batch.Keys : batch;
  const part = (some: readonly unknown[]) =>
    some.length > 0 ? { [table]: isRead ? { ...batch, Keys: some } : some } : {};
  const first: Answer =
    most > 0
      ? await forward(JSON.stringify({ RequestItems: part(items.slice(0, most)) }))
      : { status: 200, headers: {}, body: '{}' };
  const left = { [isRead ? 'UnprocessedKeys' : 'UnprocessedItems']: part(items.slice(most)) };
  return { ...first, body: JSON.stringify({ ...JSON.parse(first.body), ...left }) };
}

interface Batch {
  readonly Entries: readonly BatchEntry[];
}

/** Passes the batch on without the refused entries, and adds these to the answer as `Failed`. */
async function forwardSome(
  batch: Batch,
  { which, senderFault, code }: NonNullable<AwsFault['refused']>,
  forward: (body: string) => Promise<Answer>,
): Promise<Answer> {
  const refused = batch.Entries.filter(which);
  const Entries = batch.Entries.filter((entry) => !refused.includes(entry));
  const answer: Answer =
    Entries.length > 0
      ? await forward(JSON.stringify({ ...batch, Entries }))
      : { status: 200, headers: {}, body: '{"Successful":[],"Failed":[]}' };
  const { Successful = [], Failed = [] } = JSON.parse(answer.body);
  const added = refused.map(({ Id }) => ({
    Id,
    Code: code,
    SenderFault: senderFault,
    Message: 'by a fault',
  }));
  return { ...answer, body: JSON.stringify({ Successful, Failed: [...Failed, ...added] }) };
}
