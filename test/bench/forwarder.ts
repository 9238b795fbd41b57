import { hash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type ForwarderEnvironment, variable } from '../../functions/environment.ts';
import { bundle } from '../../infra/build/bundle.ts';
import { startAnalytics } from '../../local/analytics/analytics.ts';
import { startFunction } from '../../local/lambda/function.ts';
import { type Heavy, heavy } from './heavy-messages.ts';
import { atMost, type Report, table } from './report.ts';
import { usageOf } from './usage.ts';

const [memoryMb, timeoutSeconds] = [512, 59];

/** 80 % of the function's memory. */
export const mostMib = 0.8 * memoryMb;

interface Peak {
  readonly name: string;
  readonly mib: number;
  /** Messages that are not done with. */
  readonly left: number;
}

/** The most memory that the forwarder takes for each of the heavy invocations, each in a new process. */
export async function forwarderPeaks(shapes: readonly (() => Heavy)[] = heavy): Promise<Peak[]> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-forwarder-'));
  const code = join(folder, 'code');
  bundle(code, { entries: { forwarder: 'functions/forwarder.ts' } });
  const analytics = await startAnalytics({ artifactsKept: 1 });
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, analytics.caPem);
  const aws = await startAws(JSON.stringify(analytics.users[0]));
  const peaks: Peak[] = [];
  try {
    for (const shape of shapes) {
      const one = shape();
      aws.objects = one.objects;
      analytics.faults.splice(0, analytics.faults.length, ({ route }) => {
        const body = route === 'ingest' || route === 'search' ? one.answers?.[route] : undefined;
        return body === undefined ? undefined : { answer: { status: 200, headers: {}, body } };
      });
      peaks.push(await peakOf(one, code, environment(analytics.url, caFile, aws.endpoint)));
    }
  } finally {
    aws.close();
    await analytics.close();
    await rm(folder, { recursive: true, force: true });
  }
  return peaks;
}

async function peakOf(
  { name, bodies }: Heavy,
  code: string,
  environment: Record<string, string>,
): Promise<Peak> {
  const options = { name: 'forwarder', code, handler: 'forwarder.handler', memoryMb, timeoutSeconds };
  const forwarder = await startFunction({ ...options, environment, onLine: () => undefined });
  const Records = bodies.map((body, i) => ({
    messageId: `message-${i}`,
    body,
    attributes: { ApproximateReceiveCount: '1', SentTimestamp: String(Date.now()) },
  }));
  try {
    const result = (await forwarder.invoke({ Records })) as { batchItemFailures: readonly unknown[] };
    // What the first invocation leaves is there in the second.
    await forwarder.invoke({ Records });
    return { name, mib: usageOf(forwarder.pid as number).peakMib, left: result.batchItemFailures.length };
  } finally {
    forwarder.stop();
  }
}

function environment(analyticsUrl: string, caFile: string, AWS_ENDPOINT_URL: string): Record<string, string> {
  const settings: ForwarderEnvironment = {
    analyticsUrl,
    secretId: 'analytics',
    deadLetterQueueUrl: `${AWS_ENDPOINT_URL}/000000000000/dead-letters`,
    ledgerTable: 'ledger',
    cursorsTable: 'cursors',
    metrics: 'alarms',
  };
  return {
    AWS_ENDPOINT_URL,
    [variable]: JSON.stringify(settings),
    NODE_EXTRA_CA_CERTS: caFile,
    POWERTOOLS_SERVICE_NAME: 'bench',
  };
}

/** The four services as far as the forwarder calls them: what they are given is not kept. */
async function startAws(secret: string) {
  let objects: Heavy['objects'] = {};
  const answers: Readonly<Record<string, (input: Input) => object>> = {
    UpdateItem: () => ({}),
    GetSecretValue: () => ({ SecretString: secret, VersionId: 'v1' }),
    SendMessageBatch: ({ Entries = [] }) => ({
      Successful: Entries.map(({ Id, MessageBody }) => ({
        Id,
        MessageId: Id,
        MD5OfMessageBody: hash('md5', MessageBody),
      })),
    }),
  };
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const operation = String(request.headers['x-amz-target']).split('.').at(-1) ?? '';
    const body = await text(request);
    const answer = answers[operation];
    if (answer !== undefined) {
      response.setHeader('content-type', 'application/x-amz-json-1.0');
      response.end(JSON.stringify(answer(JSON.parse(body))));
      return;
    }
    const parts = objects[decodeURI(request.url ?? '').replace(/^\/overflow\/|\?.*$/g, '')] ?? [];
    response.setHeader(
      'content-length',
      parts.reduce((sum, part) => sum + part.length, 0),
    );
    for (const part of parts) if (!response.write(part)) await once(response, 'drain');
    response.end();
  };
  const server = createServer((request, response) => {
    // The forwarder ends the connection of an object that is too large.
    response.on('close', () => response.emit('drain'));
    serve(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    set objects(some: Heavy['objects']) {
      objects = some;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

interface Input {
  readonly Entries?: readonly { readonly Id: string; readonly MessageBody: string }[];
}

export async function benchForwarder(): Promise<Report> {
  const peaks = await forwarderPeaks();
  const most = Math.max(...peaks.map(({ mib }) => mib));
  return {
    title: 'The forwarder under heavy messages',
    shown: [atMost('peak memory (VmHWM) of the forwarder, of 512 MiB', Math.floor(mostMib), most, ' MiB', 0)],
    text: `${table(
      ['one invocation', 'peak MiB', 'messages left'],
      peaks.map(({ name, mib, left }) => [name, Math.round(mib), left]),
    )}

Each shape in a new process, which gets it twice. Five messages of 1 MiB are what fits into the 6 MB of an event. Records in
the bucket that are too large are posted as pointers without being read.`,
  };
}
