import type { Message } from '@aws-sdk/client-sqs';
import { inject, type ProvidedContext } from 'vitest';
import type { StatusItem } from '../../functions/adapters/dynamodb/cursors.ts';
import type { PollerEnvironment } from '../../functions/environment.ts';
import { type CollectorOptions, type LocalCollector, startCollector } from '../../local/collector.ts';
import type { ConsoleOptions } from '../../local/console/console.ts';
import { type Consoles, startConsoles } from '../../local/console/consoles.ts';
import { account, queueUrls } from './account.ts';
import type { AwsProxy } from './aws-proxy.ts';
import { type Gate, startGate } from './iam-gateway.ts';
import { type ReceivedArtifact, readMessage } from './schema.ts';

export const goodToken = 'a-good-token';

/** Consoles, and the deployed collector that polls them. */
export interface World {
  readonly consoles: Consoles;
  readonly collector: LocalCollector;
  /** Between the functions and AWS: no function gets what its role does not allow. */
  readonly gate: Gate;
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
  /** Goes before what the stack tells the functions. */
  readonly overrides?: Partial<PollerEnvironment>;
  /** Goes between the functions and AWS; it ends with the world. */
  readonly awsProxy?: AwsProxy;
  /** Puts another proxy before the consoles' own: given the URL of one, it answers that of the other. */
  readonly proxyBefore?: (proxyUrl: string) => string;
  /** Where the forwarder posts to, and the file with the authority of its certificate. */
  readonly analytics?: { readonly url: string; readonly caFile: string };
  /** The consoles' clock; the machine's unless given. */
  readonly nowMs?: () => number;
  /** Lambda's clock; the machine's unless given. */
  readonly lambdaNowMs?: () => number;
  /** The stack as synthesised; with the settings of `cdk.json` unless given. */
  readonly deployment?: Deployment;
  /** What runs a handler, as Node's arguments. */
  readonly runtime?: CollectorOptions['runtime'];
  readonly concurrent?: CollectorOptions['concurrent'];
}

type Deployment = ProvidedContext['deployment'];

export async function startWorld({
  hosts,
  environment = {},
  overrides = {},
  awsProxy,
  analytics,
  proxyBefore = (proxyUrl) => proxyUrl,
  nowMs,
  lambdaNowMs,
  deployment = inject('deployment'),
  runtime,
  concurrent = false,
}: WorldOptions): Promise<World> {
  const options = Object.entries(hosts).map(([host, more]) => [
    host,
    { tokens: [{ token: goodToken }], rateLimits: false, ...more },
  ]);
  const consoles = await startConsoles({ hosts: Object.fromEntries(options), ...(nowMs && { nowMs }) });
  const lines: string[] = [];
  const log: Record<string, unknown>[] = [];
  const gate = await startGate();
  const nearest = awsProxy ?? gate;
  const collector = await startCollector({
    ...deployment,
    concurrent,
    ...(runtime && { runtime }),
    ...(lambdaNowMs && { nowMs: lambdaNowMs }),
    environment: {
      NODE_USE_ENV_PROXY: '1',
      HTTPS_PROXY: proxyBefore(consoles.proxyUrl),
      NO_PROXY: '127.0.0.1',
      NODE_EXTRA_CA_CERTS: consoles.caFile,
      ...gate.environment,
      ...nearest.environment,
      ...environment,
    },
    overrides: {
      // Nothing here has to be gentle to a console.
      requestsPerSecond: 1000,
      // Its requests come once a day, and the tests of it ask for them.
      coverageMs: 0,
      ...queueUrls(deployment.template, String(nearest.environment.AWS_ENDPOINT_URL_SQS)),
      ...(analytics && { analyticsUrl: analytics.url }),
      ...overrides,
    },
    ...(analytics && { forwarderEnvironment: { NODE_EXTRA_CA_CERTS: analytics.caFile } }),
    onLine(line) {
      lines.push(line);
      if (line.startsWith('{')) log.push(JSON.parse(line));
    },
  });
  gate.open(account(deployment.template), {
    ...collector.aws.environment,
    AWS_ENDPOINT_URL_LAMBDA: collector.endpoints.lambda,
  });
  awsProxy?.leadTo(gate.environment);
  const start = Date.now();
  const messages: Message[] = [];
  return {
    consoles,
    collector,
    gate,
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
      gate.close();
    },
  };
}
