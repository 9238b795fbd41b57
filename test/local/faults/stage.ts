import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type { SimulatedConsole } from '../../../local/console/console.ts';
import type { SeenRequest } from '../../../local/console/faults.ts';
import { type AwsCall, type AwsProxy, startAwsProxy } from '../../support/aws-proxy.ts';
import { type ReceivedArtifact, readMessage } from '../../support/schema.ts';
import { goodToken, startWorld, type World, type WorldOptions } from '../../support/world.ts';

/** Records a page, as the collector asks for them. */
export const pageSize = 1000;

/** What is wrong with what was delivered, in numbers. */
export interface Verdict {
  /** Served, but not in the queue with its own bytes under its own id. */
  readonly lost: number;
  /** In the queue, but never served so. */
  readonly invented: number;
  /** Times that something came again. */
  readonly repeated: number;
}

export const exactlyOnce: Verdict = { lost: 0, invented: 0, repeated: 0 };

/** What a run answers. */
interface Summary {
  readonly due: number;
  readonly notReached: number;
}

/** A world with faults on both sides of the collector, for instances that come and go. */
export interface Stage {
  readonly world: World;
  readonly aws: AwsProxy;
  /** The console of an instance. */
  console(name: string): SimulatedConsole;
  /** Puts an instance record of that name, for the console of that name. */
  add(name: string, more?: Record<string, unknown>): Promise<SimulatedConsole>;
  /** Ends a test: no fault, no instance. */
  clear(): Promise<void>;
  /** Fires a stream's function; every instance is due again after so many minutes, unless told otherwise. */
  tick(stream: string, minutes?: number): Promise<Summary>;
  /** SIGKILL, for the function's process; answers whether there was one. */
  kill(stream: string): boolean;
  /** A claim lapses with the clock, after minutes that no test waits for: this one, if there is one, lapses at once. */
  lapseClaim(name: string, stream: string): Promise<void>;
  /** The cursor item, as it is in the table. */
  // biome-ignore lint/suspicious/noExplicitAny: what is stored is for the tests to say.
  cursorItem(name: string, stream: string): Promise<any>;
  /** The console's page requests of a stream, oldest first. */
  pages(name: string, stream: string): SeenRequest[];
  /** All artifacts of an instance that the queue was given so far. */
  delivered(name: string): Promise<ReceivedArtifact[]>;
  /** Compares what is in the queue with the texts that the console served. */
  judge(name: string, stream: string, texts: readonly string[]): Promise<Verdict>;
}

export const hostOf = (name: string) => `usea1-${name}.sentinelone.net`;

/** Longer than the widest gap that failures make, and than any `Retry-After` that the tests send. */
const dueAgainMinutes = 4 * 60;

export async function startStage(
  names: readonly string[],
  options: Omit<WorldOptions, 'hosts' | 'awsProxy'> = {},
): Promise<Stage> {
  const aws = await startAwsProxy();
  const hosts = Object.fromEntries(names.map((name) => [hostOf(name), {}]));
  const world = await startWorld({ hosts, awsProxy: aws, ...options });
  const { collector, consoles } = world;
  const { dynamodb } = collector.aws;
  const tableOf = (part: string) =>
    [...collector.aws.names.values()].find((name) => name.includes(part)) ?? '';
  const added = new Set<string>();
  let minutesPassed = 0;
  const received = new Map<string, ReceivedArtifact[]>();
  const receive = async () => {
    for (const { Body = '' } of await collector.receive()) {
      for (const artifact of readMessage(Body)) {
        const name = String(artifact.metadata.instance);
        const own = received.get(name) ?? [];
        own.push(artifact);
        received.set(name, own);
      }
    }
  };
  const delivered = async (name: string) => {
    await receive();
    return received.get(name) ?? [];
  };
  return {
    world,
    aws,
    console: (name) => consoles.console(hostOf(name)),
    async add(name, more = {}) {
      added.add(name);
      // All consoles take the same token, so each secret has to say whose it is.
      const secret = JSON.stringify({ apiKey: goodToken, host: hostOf(name) });
      await collector.addInstance({ instance: name, host: hostOf(name), ...more }, secret);
      return consoles.console(hostOf(name));
    },
    async clear() {
      aws.faults = [];
      for (const instance of added) {
        consoles.console(hostOf(instance)).faults = [];
        const Key = marshall({ instance });
        await dynamodb.send(new DeleteItemCommand({ TableName: tableOf('Instances'), Key }));
      }
      added.clear();
    },
    async tick(stream, minutes = dueAgainMinutes) {
      minutesPassed += minutes;
      return (await world.tick(stream, minutesPassed)) as Summary;
    },
    kill(stream) {
      const { pid } = collector.functions.get(stream) ?? {};
      return pid !== undefined && process.kill(pid, 'SIGKILL');
    },
    async lapseClaim(instance, stream) {
      const lapse = new UpdateItemCommand({
        TableName: tableOf('Cursors'),
        Key: marshall({ instance, stream }),
        UpdateExpression: 'SET claimUntil = :past',
        ConditionExpression: 'attribute_exists(claim)',
        ExpressionAttributeValues: marshall({ ':past': Date.now() - 1 }),
      });
      await dynamodb.send(lapse).catch((error: unknown) => {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      });
    },
    async cursorItem(instance, stream) {
      const Key = marshall({ instance, stream });
      const { Item = {} } = await dynamodb.send(new GetItemCommand({ TableName: tableOf('Cursors'), Key }));
      return unmarshall(Item);
    },
    pages: (name, stream) =>
      consoles
        .console(hostOf(name))
        .requests.filter(({ path, query }) => path === `/${stream}` && !('countOnly' in query)),
    delivered,
    async judge(name, stream, texts) {
      const times = new Map<string, number>();
      for (const { raw, metadata } of await delivered(name)) {
        if (metadata.stream !== stream) continue;
        const { rawLocation } = metadata;
        const bytes = rawLocation === undefined ? raw : await collector.overflow(String(rawLocation));
        const delivered = `${metadata.id} ${bytes}`;
        times.set(delivered, (times.get(delivered) ?? 0) + 1);
      }
      const served = new Set(texts.map((text) => `${idOf(name, stream, text)} ${text}`));
      return {
        lost: [...served].filter((one) => !times.has(one)).length,
        invented: [...times.keys()].filter((one) => !served.has(one)).length,
        repeated: [...times.values()].reduce((sum, count) => sum + count - 1, 0),
      };
    },
  };
}

/** The id that consumers rely on, derived from the record's text. */
function idOf(instance: string, stream: string, text: string): string {
  const { id, updatedAt, threatInfo } = JSON.parse(text);
  if (stream === 'activities') return `${instance}/${stream}/${id}`;
  return `${instance}/${stream}/${id}@${stream === 'threats' ? threatInfo.updatedAt : updatedAt}`;
}

/** Seconds from one record of a series to the next. */
const spacing = 4;

/** Records of the hours that end half an hour before `now`, at even distances: the newest last. */
export function series(
  count: number,
  textOf: (time: string, i: number) => string,
  now = Date.now(),
): string[] {
  const end = now - 30 * 60_000;
  return Array.from({ length: count }, (_, i) => textOf(time(end - (count - 1 - i) * spacing * 1000), i));
}

/** A moment as SentinelOne writes it. */
export function time(ms: number, micros = 257): string {
  return `${new Date(ms).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
}

export function putAll(console: SimulatedConsole, stream: string, texts: readonly string[]): void {
  for (const text of texts) console.put(stream, text);
}

/** What the collector wants of AWS, told apart by what it asks. */
export const asks = {
  send: (name: string) => (call: AwsCall) =>
    call.operation === 'SendMessageBatch' &&
    call.input.Entries[0].MessageAttributes.instance.StringValue === name,
  secret: (name: string) => (call: AwsCall) =>
    call.service === 'secrets-manager' && call.input.SecretId.endsWith(`/${name}`),
  claim: (name: string) => (call: AwsCall) =>
    isUpdateOf(call, name) && call.input.UpdateExpression.startsWith('SET claim ='),
  /** In mid-listing: the position moves, and the claim goes on. */
  commit: (name: string) => (call: AwsCall) =>
    isUpdateOf(call, name) && /^(?!.*#state\b).*#claimUntil = :claimUntil/.test(call.input.UpdateExpression),
  /** At the end of a turn: the position with the status. */
  end: (name: string) => (call: AwsCall) =>
    isUpdateOf(call, name) && /#cursor = .*#state = /.test(call.input.UpdateExpression),
  /** The claim is given up: with the end of a turn, or after that if the state changed. */
  release: (name: string) => (call: AwsCall) =>
    isUpdateOf(call, name) && /REMOVE .*#claim\b/.test(call.input.UpdateExpression),
  memoryRead: (name: string) => (call: AwsCall) =>
    call.operation === 'GetItem' && isMemoryOf(call.input.Key, name),
  memoryWrite: (name: string) => (call: AwsCall) =>
    call.operation === 'PutItem' && isMemoryOf(call.input.Item, name),
};

function isUpdateOf({ operation, input }: AwsCall, name: string): boolean {
  return operation === 'UpdateItem' && input.Key.instance.S === name;
}

type Key = Readonly<Record<'instance' | 'stream', { readonly S: string }>>;

function isMemoryOf({ instance, stream }: Key, name: string): boolean {
  return instance.S === name && stream.S.endsWith('#memory');
}
