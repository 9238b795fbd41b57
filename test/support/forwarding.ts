import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetQueueAttributesCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { inject } from 'vitest';
import type { StatusItem } from '../../functions/adapters/dynamodb/cursors.ts';
import type { ForwarderEnvironment } from '../../functions/environment.ts';
import { type Analytics, startAnalytics } from '../../local/analytics/analytics.ts';
import { resolve, type Template } from '../../local/aws/template.ts';
import { type LocalCollector, startCollector } from '../../local/collector.ts';
import type { FixtureArtifact } from '../fixtures/artifacts.ts';
import { account, queueUrls } from './account.ts';
import { type Gate, startGate } from './iam-gateway.ts';

/** The deployed forwarder between an artifact queue and a stand-in for Analytics. */
export interface Forwarding {
  readonly analytics: Analytics;
  readonly collector: LocalCollector;
  /** Between the forwarder and AWS: it gets nothing that its role does not allow. */
  readonly gate: Gate;
  /** What the forwarder printed as JSON, oldest first. */
  readonly log: Record<string, unknown>[];
  /** Every line that it printed. */
  readonly lines: string[];
  /** Puts one message with these artifacts into the queue. */
  send(artifacts: readonly unknown[]): Promise<void>;
  sendBody(body: string): Promise<void>;
  /** One look into the queue: all that is visible is handed to the forwarder. */
  forward(): Promise<{ readonly messages: number; readonly failed: number }>;
  /** Looks again and again, until nothing is left in the queue. */
  drain(): Promise<void>;
  /** How often Analytics accepted each. */
  timesOf(artifacts: readonly FixtureArtifact[]): number[];
  /** What is in the dead-letter queue: ids and reasons. */
  deadLettered(): Promise<{ readonly body: string; readonly reason: string | undefined }[]>;
  status(): Promise<StatusItem>;
  close(): Promise<void>;
}

export interface ForwardingOptions {
  readonly template?: Template;
  /** Goes before the template's environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Goes before what the stack tells the forwarder. */
  readonly overrides?: Partial<ForwarderEnvironment>;
  /** Of the function, in place of the deployed one. */
  readonly timeoutSeconds?: number | undefined;
  /** The forwarder does not know the authority of Analytics. */
  readonly untrusted?: boolean;
  /** Lambda's clock in milliseconds (default: the system clock). */
  readonly lambdaNowMs?: () => number;
}

/** Failed messages come back so soon. */
const visibilityTimeoutSeconds = 2;
const secret = 'signal-client/analytics';

export async function startForwarding({
  template = inject('deployment').template,
  environment = {},
  overrides = {},
  timeoutSeconds,
  untrusted = false,
  lambdaNowMs = Date.now,
}: ForwardingOptions = {}): Promise<Forwarding> {
  const analytics = await startAnalytics();
  const folder = await mkdtemp(join(tmpdir(), 'forwarding-'));
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, analytics.caPem);
  const lines: string[] = [];
  const log: Record<string, unknown>[] = [];
  const gate = await startGate();
  const collector = await startCollector({
    template: timeoutSeconds === undefined ? template : shortened(template, timeoutSeconds),
    code: inject('deployment').code,
    environment: {},
    forwarderEnvironment: {
      ...gate.environment,
      ...(!untrusted && { NODE_EXTRA_CA_CERTS: caFile }),
      ...environment,
    },
    overrides: { ...queueUrls(template, gate.address), analyticsUrl: analytics.url, ...overrides },
    visibilityTimeoutSeconds,
    nowMs: lambdaNowMs,
    onLine(line) {
      lines.push(line);
      if (line.startsWith('{')) log.push(JSON.parse(line));
    },
  });
  gate.open(account(template), collector.aws.environment);
  const [user] = analytics.users;
  collector.aws.secrets.put(secret, JSON.stringify(user));
  const QueueUrl = resolve(template.Outputs.ArtifactQueueUrl?.Value, collector.aws);

  /** Messages in the queue, visible or not. */
  const waiting = async (): Promise<number> => {
    const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
    const { Attributes = {} } = await collector.aws.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...AttributeNames] }),
    );
    return AttributeNames.reduce((sum, name) => sum + Number(Attributes[name]), 0);
  };

  const forwarding: Forwarding = {
    analytics,
    collector,
    gate,
    log,
    lines,
    send: (artifacts) => forwarding.sendBody(JSON.stringify({ artifacts })),
    async sendBody(MessageBody) {
      await collector.aws.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    },
    forward: () => collector.forward(),
    async drain() {
      while ((await waiting()) > 0) {
        const { messages } = await collector.forward();
        if (messages === 0) await sleep(200);
      }
    },
    timesOf: (artifacts) => artifacts.map(({ metadata }) => analytics.times.get(String(metadata.id)) ?? 0),
    async deadLettered() {
      const letters = await collector.deadLetters();
      return letters.map(({ Body = '', MessageAttributes }) => ({
        body: Body,
        reason: MessageAttributes?.reason?.StringValue,
      }));
    },
    async status() {
      const found = (await collector.status()).find(({ stream }) => stream === 'forwarder');
      if (found === undefined) throw new Error('the forwarder has no status');
      return found;
    },
    async close() {
      await collector.close();
      await analytics.close();
      await rm(folder, { recursive: true, force: true });
      gate.close();
    },
  };
  return forwarding;
}

function shortened(template: Template, Timeout: number): Template {
  const Resources = Object.entries(template.Resources).map(([id, resource]) => {
    const isForwarder = String(resource.Properties.FunctionName).endsWith('-forwarder');
    return [id, isForwarder ? { ...resource, Properties: { ...resource.Properties, Timeout } } : resource];
  });
  return { ...template, Resources: Object.fromEntries(Resources) };
}
