import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import * as v from 'valibot';

/** What an operator may choose when deploying, as plain context keys: in `cdk.json`, or `-c key=value`. */
export interface Settings {
  /** Also begins the functions' and log groups' names; at most 40 letters, digits and hyphens. */
  readonly stackName: string;
  /** A console's host must end in one of these; each begins with a dot and has at least two labels. */
  readonly allowedHostSuffixes: readonly string[];
  /** Secrets outside `signal-client/sentinelone/*` that the functions may read: full ARNs, or with wildcards at the end. */
  readonly secretArns: readonly string[];
  /** Keys of one's own that secrets are encrypted with; the functions may decrypt with them, for Secrets Manager only. */
  readonly secretKeyArns: readonly string[];
  /**
   * Kept free for each function, and the most that it uses. An AWS account whose concurrency limit is 10 has none to
   * reserve: there it must be `false`. The claims in the cursors then do alone what one run at a time does otherwise.
   */
  readonly reservedConcurrency: number | false;
  /** Artifacts are packed into messages of up to this size; 1 to 1000. */
  readonly messageKib: number;
  /** How far before its position each listing reads again; 1 to 60. */
  readonly overlapMinutes: number;
  /** Record versions remembered for one instance and stream; 1000 to 20000. */
  readonly memoryEntries: number;
  /** Requests to one console by stream name; a stream that is not named keeps its own rate. */
  readonly requestsPerSecond: Readonly<Record<string, number>>;
  /**
   * Instances that are due beyond so many are polled by further runs at the same time; 1 to 1000. Where
   * `reservedConcurrency` is 1 there are none, and one run polls all.
   */
  readonly instancesPerRun: number;
  /** Instances polled side by side in one run; 1 to 200. */
  readonly instancesAtOnce: number;
  /** Pages that one instance gets before another that waits has its turn; 1 to 1000. */
  readonly pagesPerTurn: number;
  /** Pages that one instance gets in one run; 1 to 100000. */
  readonly pagesPerRun: number;
  /** Before a page is asked for again with half as many records. */
  readonly pageTimeoutSeconds: number;
  /** Between two audits of one instance and stream; 0: none. */
  readonly auditHours: number;
  /** Counts by instance too; each instance and stream is then three metrics more. */
  readonly perInstanceMetrics: boolean;
  /** An alarm where a stream's polls succeed and bring nothing for longer, by stream name; one not named never raises it. */
  readonly quietHours: Readonly<Record<string, number>>;
  /** An alarm where an instance is further behind; 15 to 10080. */
  readonly alarmLagMinutes: number;
  /** An alarm where the oldest message waits longer for a consumer; 1 to 239. */
  readonly alarmQueueHours: number;
  /** Subscribed to the alarms' topic; empty: nobody. */
  readonly alarmEmail: string;
  /** Where operations.md can be read; alarms link to its headings. */
  readonly operationsUrl: string;
  /** Of each function; 128 to 10240. More memory is more processor, too. */
  readonly memoryMb: number;
  /** One of the values that CloudWatch Logs takes. */
  readonly logRetentionDays: RetentionDays;
  /**
   * At least 28. A message lives 14 days, counted from when it was first sent even after it moved to the dead-letter
   * queue; moving it back starts another 14. The record that it points at must outlive it: 14 + 14.
   */
  readonly overflowExpirationDays: number;
  /** Where the forwarder posts artifacts; without it there is no forwarder. */
  readonly analyticsUrl?: string;
  /** Name or ARN of the secret with the login. The pollers can't read it: it is outside `signal-client/sentinelone/`. */
  readonly analyticsSecretId: string;
  /** Messages are merged into requests of up to this size; 64 to 8192. */
  readonly analyticsRequestKib: number;
  /** Forwarders that run side by side at most; 2 to 1000. */
  readonly analyticsConcurrency: number;
  /** How long ids of accepted artifacts are remembered, so that repeats are dropped; 0: not at all, else up to 30. */
  readonly rememberAcceptedDays: number;
  /**
   * The forward proxy of all functions. It has no user and password: the environment of a function, and the template,
   * can be read by many who may read no secret.
   */
  readonly httpsProxy?: string;
  /** Reached without the proxy: hosts, suffixes with a dot before them, and addresses, each with or without a port. */
  readonly noProxy: readonly string[];
  /** On the machine that deploys: PEM certificates that the functions trust in addition to the public CAs. */
  readonly caFile?: string;
  /** Subnets of one's own that the functions run in; with them goes at least one security group. */
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];
  /** A key of one's own that queues, tables, bucket and logs are encrypted with; in the region of the stack. */
  readonly keyArn?: string;
  /** On the stack and all that is in it. */
  readonly tags: Readonly<Record<string, string>>;
}

/** A setting that is unknown or not allowed; `message` is one sentence for the operator. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/** Context keys of the CDK's own that have neither `:` nor `/` in them. */
const cdkKeys = new Set(['acknowledged-issue-numbers', 'cli-telemetry']);

/**
 * The settings in an app's context, with defaults for those that are absent.
 * @param streamNames the keys that `requestsPerSecond` may have
 * @throws SettingsError at the first setting that is unknown or not allowed
 */
export function readSettings(
  context: Readonly<Record<string, unknown>>,
  streamNames: readonly string[],
): Settings {
  const schemas = settings(streamNames);
  const given = Object.entries(context).filter(([key]) => !/[:/]/.test(key) && !cdkKeys.has(key));
  const unknown = given.find(([key]) => !Object.hasOwn(schemas, key));
  if (unknown) {
    throw new SettingsError(
      `The setting ${unknown[0]} is unknown; there are ${Object.keys(schemas).join(', ')}.`,
    );
  }
  const read = v.safeParse(v.object(schemas), Object.fromEntries(given), { abortEarly: true });
  if (read.success) return together(read.output);
  const [{ path, message }] = read.issues;
  const key = String(path?.[0].key);
  throw new SettingsError(`The setting ${key} is ${shown(context[key])}, but must be ${message}.`);
}

/** What makes sense only with another setting. */
function together(read: Settings): Settings {
  if (read.subnetIds.length > 0 === read.securityGroupIds.length > 0) return read;
  throw new SettingsError('The settings subnetIds and securityGroupIds go together: give both or neither.');
}

/** Without the user and password that a URL may hold. */
const shown = (value: unknown) => JSON.stringify(parsed(value)).replace(/\/\/.*@/, '//…@');

const retentions = Object.values(RetentionDays).filter(
  (days) => typeof days === 'number' && days !== RetentionDays.INFINITE,
) as RetentionDays[];

/**
 * On a console in use these never rest for longer than a long weekend, 84 hours from Friday to Tuesday. No threats for a
 * month is good news.
 */
const livelyStreams = ['activities', 'agents'];

/** Each setting with its default and what is allowed, in words that follow "must be". */
function settings(streamNames: readonly string[]) {
  return {
    stackName: v.optional(
      v.message(
        v.pipe(v.string(), v.regex(/^[A-Za-z][A-Za-z0-9-]{0,39}$/)),
        'a letter and up to 39 more letters, digits and hyphens',
      ),
      'SentinelOneCollector',
    ),
    allowedHostSuffixes: listOf(
      /^(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?){2,}$/,
      'a JSON list of one or more lower-case host suffixes that begin with a dot and have at least two labels, such as [".sentinelone.net"]',
      ['.sentinelone.net'],
      1,
    ),
    secretArns: listOf(
      /^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+(-[A-Za-z0-9]{6}|[*?]+)$/,
      'a JSON list of ARNs of secrets, each with the six characters at its end or a wildcard there, such as ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:team/console-AbCdEf"]',
      [],
    ),
    secretKeyArns: listOf(
      keyArn,
      'a JSON list of ARNs of KMS keys (of the keys themselves: an alias grants nothing)',
      [],
    ),
    reservedConcurrency: fromText(
      v.union([v.literal(false), wholeNumber(1, 1000)]),
      'a whole number from 1 to 1000, or false where an AWS account with a concurrency limit of 10 has none to reserve',
      1,
    ),
    messageKib: range(1, 1000, 250),
    overlapMinutes: range(1, 60, 10),
    memoryEntries: range(1000, 20_000, 20_000),
    requestsPerSecond: fromText(
      v.record(v.picklist(streamNames), v.pipe(v.number(), v.finite(), v.gtValue(0))),
      `a JSON object of positive numbers by stream name (${streamNames.join(', ')}), such as {"${streamNames[0]}": 3}`,
      {},
    ),
    instancesPerRun: range(1, 1000, 200),
    instancesAtOnce: range(1, 200, 40),
    pagesPerTurn: range(1, 1000, 1),
    pagesPerRun: range(1, 100_000, 1000),
    pageTimeoutSeconds: range(5, 120, 60),
    auditHours: range(0, 168, 24),
    perInstanceMetrics: fromText(v.boolean(), 'true or false', false),
    quietHours: fromText(
      v.record(v.picklist(streamNames), wholeNumber(1, 8760)),
      `a JSON object of whole hours from 1 to 8760 by stream name (${streamNames.join(', ')}), such as {"${streamNames[0]}": 48}`,
      Object.fromEntries(livelyStreams.flatMap((name) => (streamNames.includes(name) ? [[name, 96]] : []))),
    ),
    alarmLagMinutes: range(15, 10_080, 120),
    alarmQueueHours: range(1, 239, 24),
    alarmEmail: v.optional(
      v.message(v.union([v.literal(''), v.pipe(v.string(), v.email())]), 'an email address, or empty'),
      '',
    ),
    operationsUrl: v.optional(
      v.message(
        v.pipe(v.string(), v.regex(/^[\w./:~%@+-]{1,200}$/)),
        'an address without #, such as https://git.example.com/collector/docs/operations.md',
      ),
      'docs/operations.md',
    ),
    memoryMb: range(128, 10_240, 512),
    logRetentionDays: fromText(v.picklist(retentions), `one of ${retentions.join(', ')}`, 90),
    overflowExpirationDays: range(28, 3650, 30),
    analyticsUrl: optional(
      v.pipe(v.string(), v.regex(analyticsUrl), v.check(URL.canParse)),
      'https://host, https://host:port or one of these with a path, and with no user, query or fragment',
    ),
    analyticsSecretId: fromText(
      v.pipe(v.string(), v.regex(secretId)),
      'the name of a secret, or its ARN with the six characters at its end, outside signal-client/sentinelone/, which the pollers can read',
      'signal-client/analytics',
    ),
    analyticsRequestKib: range(64, 8192, 1024),
    analyticsConcurrency: range(2, 1000, 2),
    rememberAcceptedDays: range(0, 30, 0),
    httpsProxy: optional(
      v.pipe(v.string(), v.regex(proxyUrl), v.check(URL.canParse)),
      'http://host:port or https://host:port; a user and a password would be readable for all who may see the functions',
    ),
    noProxy: listOf(
      /^[\w.*:[\]-]+$/,
      'a JSON list of hosts, suffixes and addresses, such as [".amazonaws.com", "10.0.0.5:8080"]',
      [],
    ),
    caFile: optional(
      v.pipe(v.string(), v.nonEmpty()),
      'the path to a file of PEM certificates on the machine that deploys',
    ),
    subnetIds: listOf(
      /^subnet-[0-9a-f]{8,17}$/,
      'a JSON list of ids of subnets, such as ["subnet-0a1b2c3d"]',
      [],
    ),
    securityGroupIds: listOf(
      /^sg-[0-9a-f]{8,17}$/,
      'a JSON list of ids of security groups, such as ["sg-0a1b2c3d"]',
      [],
    ),
    keyArn: optional(
      v.pipe(v.string(), v.regex(keyArn)),
      'the ARN of a KMS key (of the key itself: an alias grants nothing)',
    ),
    tags: fromText(
      v.pipe(
        v.unknown(),
        v.check((tags) => !Array.isArray(tags)),
        v.record(
          v.pipe(v.string(), v.regex(/^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+@-]{1,128}$/u)),
          v.pipe(v.string(), v.regex(/^[\p{L}\p{Z}\p{N}_.:/=+@-]{0,256}$/u)),
        ),
        v.check((tags) => Object.keys(tags).length <= 50),
      ),
      'a JSON object of up to 50 texts by name, such as {"team": "security"}, with names of up to 128 and texts of up to 256 letters, digits, spaces and _.:/=+-@',
      {},
    ),
  } satisfies Record<keyof Settings, object>;
}

const keyArn = /^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/;
const host = '([A-Za-z0-9.-]+|\\[[0-9A-Fa-f:.]+\\])';
const analyticsUrl = new RegExp(`^https://${host}(:\\d+)?(/[\\w.~/-]*)?$`);
const proxyUrl = new RegExp(`^https?://${host}:\\d+/?$`);

/** A name, or an ARN; Secrets Manager adds the hyphen and the six characters to what it is called. */
const secretId =
  /^(?:arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:(?!signal-client\/sentinelone\/)[\w/+=.@-]+-[A-Za-z0-9]{6}|(?!signal-client\/sentinelone\/)[\w/+=.@-]{1,512})$/;

const wholeNumber = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));

const range = (least: number, most: number, standard: number) =>
  fromText(wholeNumber(least, most), `a whole number from ${least} to ${most}`, standard);

const listOf = (item: RegExp, allowed: string, standard: readonly string[], least = 0) =>
  fromText(
    v.pipe(v.array(v.pipe(v.string(), v.regex(item))), v.minLength(least), v.readonly()),
    allowed,
    standard,
  );

/** `-c` gives text: what the text says in JSON counts, so that `-c messageKib=100` is a number. */
function fromText<Output>(schema: v.GenericSchema<unknown, Output>, allowed: string, standard: Output) {
  return v.optional(v.message(v.pipe(v.unknown(), v.transform(parsed), schema), allowed), () => standard);
}

/** As it is given: no default stands for it. */
const optional = <Output>(schema: v.GenericSchema<string, Output>, allowed: string) =>
  v.exactOptional(v.message(schema, allowed));

function parsed(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
