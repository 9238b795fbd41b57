import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import * as v from 'valibot';
import { changeStream } from '../functions/health/history.ts';
import { metricSets } from '../functions/health/metrics.ts';
import type { Stream } from '../functions/streams/stream.ts';

/** What an operator can set when deploying, as context keys: in `cdk.json`, or with `-c key=value`. */
export type Settings = v.InferOutput<ReturnType<typeof settingsSchema>>;

/**
 * Each setting: its description, which README.md lists, its schema, its allowed values in words that follow "must
 * be", and its default.
 */
export function settingsSchema(streams: readonly Stream[]) {
  const streamNames = streams.map(({ name }) => name);
  const optionalNames = streams.filter(({ byDefault }) => !byDefault).map(({ name }) => name);
  const byStream = `by stream name (${streamNames.join(', ')}), such as {"${streamNames[0]}": `;
  const rates = Object.fromEntries(streams.map(({ name, requestsPerSecond }) => [name, requestsPerSecond]));
  const cadences = Object.fromEntries(streams.map(({ name, cadenceMinutes }) => [name, cadenceMinutes]));
  const quietHours = withoutZeros(
    Object.fromEntries(streams.map(({ name, quietHours = 0 }) => [name, quietHours])),
  );
  return v.object({
    stackName: setting(
      'also the prefix of the names of functions (`<stackName>-threats`) and log groups (`/aws/lambda/<stackName>-threats`)',
      v.pipe(v.string(), v.regex(/^[A-Za-z][A-Za-z0-9-]{0,39}$/)),
      'a letter and up to 39 more letters, digits and hyphens',
      'SentinelOneCollector',
    ),
    allowedHostSuffixes: setting(
      "a console's host must end in one of these; the token is sent to no other host",
      listOf(/^(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?){2,}$/, 1),
      `a JSON list of one or more lower-case host suffixes that begin with a dot and have at least two labels, such as [".sentinelone.net"], ${longest}`,
      ['.sentinelone.net'],
    ),
    secretArns: setting(
      'secrets outside `signal-client/sentinelone/*` that the functions may read, and your KMS keys that encrypt secrets',
      v.pipe(
        v.array(v.union([v.pipe(v.string(), v.regex(secretArn)), v.pipe(v.string(), v.regex(keyArn))])),
        v.check((arns) => [secretArn, keyArn].every((form) => isShort(arns.filter((arn) => form.test(arn))))),
      ),
      `a JSON list of ARNs: of secrets, each with the six characters at its end or a wildcard there, such as ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:team/console-AbCdEf"], and of KMS keys (of the keys themselves: an alias grants nothing), each kind ${longest}`,
      [],
    ),
    optionalStreams: setting(
      `streams to deploy in addition to ${streamNames.filter((name) => !optionalNames.includes(name)).join(', ')}, out of ${optionalNames.map((name) => `\`${name}\``).join(', ')}; instances name them in \`streams\` ([how](alerts.md)). \`${changeStream}\` makes each change of an instance's state an artifact ([how](artifacts.md#changes-of-state)), and no instance names it`,
      v.pipe(
        v.array(v.picklist([...optionalNames, changeStream])),
        v.transform((names) => [...new Set(names)]),
      ),
      `a JSON list of streams out of ${[...optionalNames, changeStream].join(', ')}`,
      [],
    ),
    reservedConcurrency: setting(
      'reserved for each polling function, and also its maximum; `false` reserves none, which every account allows. Unless it is `1`, further runs poll more than 200 due instances at the same time',
      v.union([v.literal(false), wholeNumber(1, 1000)]),
      'a whole number from 1 to 1000, or false to reserve none',
      1,
    ),
    overlapMinutes: setting(
      'how far back each listing reads again, to catch records that become visible late; an instance may have its own ([how](operations.md#late-records))',
      wholeNumber(1, 60),
      'a whole number from 1 to 60',
      10,
    ),
    cadenceMinutes: setting(
      `minutes between two runs of a stream, such as \`{"${streamNames[0]}": 1}\`, from 1 to the default; \`pollingInterval\` can be as short ([what it costs](cost.md#faster)); ${defaultsOf(cadences)}`,
      v.pipe(
        v.record(v.picklist(streamNames), wholeNumber(1, 1440)),
        v.check((given) =>
          Object.entries(given).every(([name, minutes]) => minutes <= (cadences[name] ?? 0)),
        ),
      ),
      `a JSON object of whole minutes ${byStream}1}, each from 1 to the default (${Object.values(cadences).join(', ')})`,
      {},
    ),
    requestsPerSecond: setting(
      `limit per console and stream, such as \`{"${streamNames[0]}": 3}\`; ${defaultsOf(rates)}`,
      v.record(v.picklist(streamNames), v.pipe(v.number(), v.finite(), v.gtValue(0))),
      `a JSON object of positive numbers ${byStream}3}`,
      {},
    ),
    metrics: setting(
      'custom metrics: `alarms` sends what alarms watch, and only while something is wrong; `full` sends all (about 38 billed metrics); `per-instance` adds twelve per instance',
      v.picklist(metricSets),
      `one of ${metricSets.join(', ')}`,
      'alarms',
    ),
    alarmEmail: setting(
      'address to notify for alarms',
      v.union([v.literal(''), v.pipe(v.string(), v.email())]),
      'an email address, or empty',
      '',
    ),
    alarmLagMinutes: setting(
      'lag of a stream before an alarm',
      wholeNumber(15, 10_080),
      'a whole number from 15 to 10080',
      120,
    ),
    quietHours: setting(
      `hours without new records before an alarm, such as \`{"${streamNames[0]}": 240}\`, \`0\`: no alarm; ${defaultsOf(quietHours)}`,
      v.pipe(
        v.record(v.picklist(streamNames), wholeNumber(0, 8760)),
        v.transform((given) => withoutZeros({ ...quietHours, ...given })),
      ),
      `a JSON object of whole hours from 0 to 8760 ${byStream}48}`,
      {},
    ),
    logRetentionDays: setting(
      'one of the values that CloudWatch Logs offers',
      v.picklist(retentions),
      `one of ${retentions.join(', ')}`,
      90,
    ),
    analyticsUrl: optional(
      'WitFoo Analytics address for the forwarder: `https://host`, optionally with a port or a path; without it, there is no forwarder',
      v.pipe(v.string(), v.regex(analyticsUrl), v.check(URL.canParse)),
      'https://host, https://host:port or one of these with a path, and with no user, query or fragment',
    ),
    forwarder: setting(
      'how the forwarder works: `secretId`, name or ARN of the secret with its login, not under `signal-client/sentinelone/`, which the pollers can read; `concurrency`, the maximum of concurrent runs, 2 to 1000; `rememberAcceptedDays`, how long the ids of accepted artifacts are kept in a table, to drop repeats, up to 30, `0`: no table',
      v.strictObject({
        secretId: v.optional(v.pipe(v.string(), v.regex(secretId)), standardForwarder.secretId),
        concurrency: v.optional(wholeNumber(2, 1000), standardForwarder.concurrency),
        rememberAcceptedDays: v.optional(wholeNumber(0, 30), standardForwarder.rememberAcceptedDays),
      }),
      'a JSON object of secretId (the name of a secret, or its ARN with the six characters at its end, outside signal-client/sentinelone/, which the pollers can read), concurrency (a whole number from 2 to 1000) and rememberAcceptedDays (a whole number from 0 to 30)',
      standardForwarder,
    ),
    proxy: optional(
      'forward proxy for all functions and the hosts that bypass it: `{"url": "http://host:port", "except": [".amazonaws.com"]}`; no user or password, because function environments are readable by more people than secrets',
      v.strictObject({
        url: v.pipe(v.string(), v.regex(proxyUrl), v.check(URL.canParse)),
        except: v.optional(listOf(/^[\w.*:[\]-]+$/), []),
      }),
      `a JSON object such as {"url": "http://host:port", "except": [".amazonaws.com", "10.0.0.5:8080"]}, with an http or https URL without user and password (everyone who may see the functions could read them) and hosts, suffixes and addresses, ${longest}`,
    ),
    caFile: optional(
      'path, on the machine that deploys, to PEM certificates that all functions trust in addition to the public CAs',
      v.pipe(v.string(), v.nonEmpty()),
      'the path to a file of PEM certificates on the machine that deploys',
    ),
    vpc: optional(
      'run all functions in your VPC: `{"subnetIds": ["subnet-…"], "securityGroupIds": ["sg-…"]}` ([how](operations.md#in-a-vpc-and-from-a-fixed-address))',
      v.strictObject({
        subnetIds: listOf(/^subnet-[0-9a-f]{8,17}$/, 1),
        securityGroupIds: listOf(/^sg-[0-9a-f]{8,17}$/, 1),
      }),
      'a JSON object such as {"subnetIds": ["subnet-0a1b2c3d"], "securityGroupIds": ["sg-0a1b2c3d"]}',
    ),
    keyArn: optional(
      'your KMS key for queues, tables, bucket and logs ([its policy](operations.md#a-key-of-your-own))',
      v.pipe(v.string(), v.regex(keyArn)),
      'the ARN of a KMS key (of the key itself: an alias grants nothing)',
    ),
    roles: setting(
      'all roles of the stack: `path`, such as `/security/`, and `permissionsBoundaryArn` ([how](deploy.md#a-permissions-boundary))',
      v.strictObject({
        path: v.optional(v.pipe(v.string(), v.regex(/^\/([\w+=,.@-]+\/)*$/), v.maxLength(512)), '/'),
        permissionsBoundaryArn: v.exactOptional(
          v.pipe(v.string(), v.regex(/^arn:[a-z-]+:iam::(\d{12}|aws):policy\/[\w+=,.@/-]{1,512}$/)),
        ),
      }),
      'a JSON object of path (which begins and ends with a slash) and permissionsBoundaryArn (the ARN of an IAM policy)',
      { path: '/' },
    ),
  });
}

const withoutZeros = (numbers: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(numbers).filter(([, number]) => number > 0));

const defaultsOf = (numbers: Readonly<Record<string, number>>) =>
  `defaults: ${Object.entries(numbers)
    .map(([name, number]) => `${name} ${number}`)
    .join(', ')}`;

const standardForwarder = {
  secretId: 'signal-client/analytics',
  concurrency: 2,
  rememberAcceptedDays: 0,
};

const retentions = Object.values(RetentionDays).filter(
  (days) => typeof days === 'number' && days !== RetentionDays.INFINITE,
) as RetentionDays[];

const secretArn = /^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+(-[A-Za-z0-9]{6}|[*?]+)$/;
const keyArn = /^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/;
const host = '([A-Za-z0-9.-]+|\\[[0-9A-Fa-f:.]+\\])';
const analyticsUrl = new RegExp(`^https://${host}(:\\d+)?(/[\\w.~/-]*)?$`);
const proxyUrl = new RegExp(`^https?://${host}:\\d+/?$`);

/** A name, or an ARN, in which Secrets Manager appends a hyphen and six characters to the name. */
const secretId =
  /^(?:arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:(?!signal-client\/sentinelone\/)[\w/+=.@-]+-[A-Za-z0-9]{6}|(?!signal-client\/sentinelone\/)[\w/+=.@-]{1,512})$/;

const wholeNumber = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));

/** AWS limits the environment of a function to 4 KiB and the policies of a role to 10 KiB. */
const longestList = 1300;
const longest = `of up to ${longestList} characters in all`;

const isShort = (list: string[]) => JSON.stringify(list).length <= longestList;

const listOf = (item: RegExp, least = 0) =>
  v.pipe(v.array(v.pipe(v.string(), v.regex(item))), v.minLength(least), v.check(isShort));

/** A value from `-c` is text and is parsed as JSON, so that `-c overlapMinutes=15` is a number. */
const fromText = <Output>(schema: v.GenericSchema<unknown, Output>, allowed: string) =>
  v.message(v.pipe(v.unknown(), v.transform(parsed), schema), allowed);

/** Parses a text as JSON if it is valid JSON. */
export function parsed(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function setting<Output>(
  description: string,
  schema: v.GenericSchema<unknown, Output>,
  allowed: string,
  standard: NoInfer<Output>,
) {
  return v.pipe(
    v.optional(fromText(schema, allowed), () => standard),
    v.description(description),
  );
}

const optional = <Output>(description: string, schema: v.GenericSchema<unknown, Output>, allowed: string) =>
  v.exactOptional(v.pipe(fromText(schema, allowed), v.description(description)));
