import type { Message } from '@aws-sdk/client-sqs';
import { inject } from 'vitest';
import { type LocalCollector, type StatusItem, startCollector } from '../../local/collector.ts';
import type { ConsoleOptions } from '../../local/console/console.ts';
import { type Consoles, startConsoles } from '../../local/console/consoles.ts';
import type { AwsProxy } from './aws-proxy.ts';
import { type ReceivedArtifact, readMessage } from './schema.ts';

export const goodToken = 'a-good-token';

/** Consoles, and the deployed collector that polls them. */
export interface World {
  readonly consoles: Consoles;
  readonly collector: LocalCollector;
  /** What the functions printed as JSON, oldest first. */
  readonly log: Record<string, unknown>[];
  /** Every line that the functions printed. */
  readonly lines: string[];
  /** All messages received so far. */
  readonly messages: Message[];
  /** Fires a stream's function for a tick, `minutes` after the first. */
  tick(stream: string, minutes?: number): Promise<unknown>;
  /** Takes what is in the queue; answers all artifacts received so far. */
  artifacts(): Promise<ReceivedArtifact[]>;
  status(instance: string, stream: string): Promise<StatusItem>;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly hosts: Record<string, Partial<ConsoleOptions>>;
  /** Goes before the template's environment and before the way to the consoles. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Goes between the functions and AWS; it ends with the world. */
  readonly awsProxy?: AwsProxy;
  /** Puts another proxy before the consoles' own: given the URL of one, it answers that of the other. */
  readonly proxyBefore?: (proxyUrl: string) => string;
  /** Where the forwarder posts to, and the file with the authority of its certificate. */
  readonly analytics?: { readonly url: string; readonly caFile: string };
  /** The consoles' clock; the machine's unless given. */
  readonly nowMs?: () => number;
}

export async function startWorld({
  hosts,
  environment = {},
  awsProxy,
  analytics,
  proxyBefore = (proxyUrl) => proxyUrl,
  nowMs,
}: WorldOptions): Promise<World> {
  const options = Object.entries(hosts).map(([host, more]) => [
    host,
    { tokens: [{ token: goodToken }], rateLimits: false, ...more },
  ]);
  const consoles = await startConsoles({ hosts: Object.fromEntries(options), ...(nowMs && { nowMs }) });
  const lines: string[] = [];
  const log: Record<string, unknown>[] = [];
  const collector = await startCollector({
    ...inject('deployment'),
    environment: {
      NODE_USE_ENV_PROXY: '1',
      HTTPS_PROXY: proxyBefore(consoles.proxyUrl),
      NO_PROXY: '127.0.0.1',
      NODE_EXTRA_CA_CERTS: consoles.caFile,
      // Nothing here has to be gentle to a console.
      REQUESTS_PER_SECOND: '1000',
      ...(awsProxy && { ...awsProxy.environment, ARTIFACT_QUEUE_URL: queueUrlAt(awsProxy) }),
      ...environment,
    },
    ...(analytics && {
      forwarderEnvironment: { ANALYTICS_URL: analytics.url, NODE_EXTRA_CA_CERTS: analytics.caFile },
    }),
    onLine(line) {
      lines.push(line);
      if (line.startsWith('{')) log.push(JSON.parse(line));
    },
  });
  awsProxy?.leadTo(collector.aws.environment);
  const start = Date.now();
  const messages: Message[] = [];
  return {
    consoles,
    collector,
    log,
    lines,
    messages,
    tick: (stream, minutes = 0) => collector.tick(stream, new Date(start + minutes * 60_000)),
    async artifacts() {
      messages.push(...(await collector.receive()));
      return messages.flatMap(({ Body = '' }) => readMessage(Body));
    },
    async status(instance, stream) {
      const found = (await collector.status()).find(
        (item) => item.instance === instance && item.stream === stream,
      );
      if (found === undefined) throw new Error(`there is no status of ${stream} of ${instance}`);
      return found;
    },
    async close() {
      await collector.close();
      awsProxy?.close();
      await consoles.close();
    },
  };
}

/** The SDK goes where the queue's URL points, whatever its endpoint is; the path is the stand-in's own. */
function queueUrlAt({ environment }: AwsProxy): string {
  const { Value } = inject('deployment').template.Outputs.ArtifactQueueUrl ?? {};
  return `${environment.AWS_ENDPOINT_URL_SQS}/000000000000/${(Value as { Ref: string }).Ref}`;
}
