import * as v from 'valibot';
import type { ReplaySettings } from './collect/replay.ts';
import { limits, pageTimeoutMsOf, type Settings } from './collect/settings.ts';
import { pageBytesOf } from './console/consoles.ts';
import { type ForwardSettings, requestBytes, statusMs } from './forward/settings.ts';
import { metricSets } from './health/metrics.ts';
import { withCadences } from './streams/list.ts';
import type { Stream } from './streams/stream.ts';

/** The environment variable with the settings from the stack, as JSON. */
export const variable = 'COLLECTOR';

const text = v.pipe(v.string(), v.nonEmpty());
const positive = v.pipe(v.number(), v.gtValue(0));
const notNegative = v.pipe(v.number(), v.minValue(0));

/** A wrong suffix would allow tokens to be sent to other hosts. */
const suffix = v.pipe(v.string(), v.toLowerCase(), v.regex(/^\.[a-z0-9-]+(\.[a-z0-9-]+)+$/));

/** Credentials are sent to this URL, so it must be HTTPS. The URL is logged, so it must not contain credentials. */
const httpsUrl = v.message(
  v.pipe(
    v.string(),
    v.check(URL.canParse),
    v.transform((value) => new URL(value)),
    v.check(
      ({ protocol, username, password, search, hash }) =>
        protocol === 'https:' && username + password + search + hash === '',
    ),
    v.transform(({ href }) => href.replace(/\/+$/, '')),
  ),
  'Not an address such as https://analytics.example.com',
);

const suffixes = v.pipe(v.array(suffix), v.nonEmpty());

const tables = { instancesTable: text, cursorsTable: text };

const widget = v.object({
  ...tables,
  allowedHostSuffixes: suffixes,
  quietHours: v.record(v.string(), positive),
  optionalStreams: v.exactOptional(v.array(text)),
  cadenceMinutes: v.exactOptional(v.record(v.string(), positive)),
});

/** The settings of functions that read instances and deliver artifacts. */
const collecting = {
  ...tables,
  artifactQueueUrl: text,
  overflowBucket: text,
  allowedHostSuffixes: suffixes,
  overlapMs: positive,
  // Set only by tests of the deployed functions.
  messageBytes: v.optional(positive, limits.messageBytes),
  pageTimeoutMs: v.optional(positive, limits.pageTimeoutMs),
};

const operator = v.object({
  ...collecting,
  /** Only the streams whose rate was set. */
  requestsPerSecondByStream: v.record(v.string(), positive),
});

const poller = v.object({
  ...collecting,
  stream: text,
  /** The stream's own unless set. */
  cadenceMinutes: v.exactOptional(positive),
  ledgerTable: text,
  /** Whether the forwarder is deployed. */
  forwards: v.optional(v.boolean(), false),
  healthArtifacts: v.optional(v.boolean(), false),
  metrics: v.picklist(metricSets),
  /** A lag of so many seconds raises an alarm. */
  alarmLagSeconds: positive,
  requestsPerSecond: positive,
  // Set only by tests of the deployed functions.
  pageTimeoutMs: v.exactOptional(positive),
  quietMs: v.exactOptional(positive),
  /** Whether further runs may poll the instances beyond `instancesPerRun`. */
  furtherRuns: v.boolean(),
  // Set only by tests of the deployed functions.
  memoryEntries: v.optional(positive, limits.memoryEntries),
  instancesPerRun: v.optional(positive, limits.instancesPerRun),
  instancesAtOnce: v.optional(positive, limits.instancesAtOnce),
  pagesPerTurn: v.optional(positive, limits.pagesPerTurn),
  pagesPerRun: v.optional(positive, limits.pagesPerRun),
  dayArtifacts: v.optional(positive, limits.dayArtifacts),
  dayBytes: v.optional(positive, limits.dayBytes),
  hoursPerPoll: v.optional(notNegative, limits.hoursPerPoll),
  coverageMs: v.optional(notNegative, limits.coverageMs),
});

const forwarder = v.object({
  /** Includes the path before `/v1` if it is not `/api`. */
  analyticsUrl: httpsUrl,
  /** Name or ARN of the secret with `{"email": "…", "password": "…"}`. */
  secretId: text,
  deadLetterQueueUrl: text,
  cursorsTable: text,
  ledgerTable: text,
  /** The table of accepted ids, and how long it keeps them; absent: ids are not stored. */
  accepted: v.exactOptional(v.object({ table: text, days: positive })),
  metrics: v.picklist(metricSets),
  // Set only by tests of the deployed functions, and by `npm start`.
  requestBytes: v.optional(positive, requestBytes),
  statusMs: v.optional(notNegative, statusMs),
});

/** The form that the stack writes. */
export type WidgetEnvironment = v.InferInput<typeof widget>;
export type OperatorEnvironment = v.InferInput<typeof operator>;
export type PollerEnvironment = v.InferInput<typeof poller>;
export type ForwarderEnvironment = v.InferInput<typeof forwarder>;

type Variables = Readonly<Record<string, string | undefined>>;

/** @throws Error that names the missing or invalid field */
function read<Schema extends v.GenericSchema>(schema: Schema, variables: Variables): v.InferOutput<Schema> {
  const { success, output, issues } = v.safeParse(schema, parsed(variables[variable]), { abortEarly: true });
  if (success) return output;
  const [issue] = issues;
  throw new Error(
    `environment variable ${variable}: ${v.getDotPath(issue) ?? 'all of it'}: ${issue.message}`,
  );
}

function parsed(json: string | undefined): unknown {
  if (json === undefined) throw new Error(`environment variable ${variable} is missing`);
  try {
    return JSON.parse(json);
  } catch {
    throw new Error(`environment variable ${variable} is not JSON`);
  }
}

/** Lambda sets the memory size. */
const memoryMbOf = ({ AWS_LAMBDA_FUNCTION_MEMORY_SIZE = '512' }: Variables) =>
  Number(AWS_LAMBDA_FUNCTION_MEMORY_SIZE);

export const readWidgetEnvironment = (variables: Variables) => read(widget, variables);

export function readForwarderEnvironment(variables: Variables) {
  const { requestBytes, ...others } = read(forwarder, variables);
  const settings: ForwardSettings = { requestBytes };
  return { ...others, settings };
}

export function readOperatorEnvironment(variables: Variables, streams: readonly Stream[]) {
  const {
    allowedHostSuffixes,
    requestsPerSecondByStream,
    overlapMs,
    messageBytes,
    pageTimeoutMs,
    ...others
  } = read(operator, variables);
  const instanceRules = { allowedHostSuffixes, streams: streams.map(({ name }) => name) };
  /** The settings for replays of one stream. */
  const settingsOf = ({ name, requestsPerSecond }: Stream): ReplaySettings => ({
    instanceRules,
    overlapMs,
    messageBytes,
    pageTimeoutMs,
    pageBytes: pageBytesOf(memoryMbOf(variables)),
    requestsPerSecond: requestsPerSecondByStream[name] ?? requestsPerSecond,
  });
  return { ...others, instanceRules, settingsOf };
}

export function readPollerEnvironment(variables: Variables, streams: readonly Stream[]) {
  const {
    stream: name,
    cadenceMinutes,
    instancesTable,
    cursorsTable,
    ledgerTable,
    artifactQueueUrl,
    overflowBucket,
    ...others
  } = read(poller, variables);
  const cadences = cadenceMinutes === undefined ? {} : { [name]: cadenceMinutes };
  const stream = withCadences(streams, cadences).find((one) => one.name === name);
  if (stream === undefined) throw new Error(`environment variable ${variable}: stream: there is no ${name}`);
  const { metrics, alarmLagSeconds, allowedHostSuffixes, furtherRuns, instancesPerRun, ...rest } = others;
  const settings: Settings = {
    pageTimeoutMs: pageTimeoutMsOf(stream),
    ...rest,
    pageBytes: pageBytesOf(memoryMbOf(variables)),
    instancesPerRun: furtherRuns ? instancesPerRun : Number.POSITIVE_INFINITY,
    instanceRules: { allowedHostSuffixes, streams: streams.map((one) => one.name) },
  };
  return {
    stream,
    settings,
    instancesTable,
    cursorsTable,
    ledgerTable,
    artifactQueueUrl,
    overflowBucket,
    metrics,
    alarmLagSeconds,
  };
}
