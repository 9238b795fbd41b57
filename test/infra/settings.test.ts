import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { activities } from '../../functions/streams/activities.ts';
import { streams } from '../../functions/streams/list.ts';
import { threats } from '../../functions/streams/threats.ts';
import { readSettings, SettingsError } from '../../infra/context.ts';
import { settingsSchema } from '../../infra/settings.ts';

const ownKey = 'arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555';
const read = (context: Record<string, unknown>) => readSettings(context, [threats, activities]);

describe('settings', () => {
  test('have defaults', () => {
    expect(read({})).toEqual({
      stackName: 'SentinelOneCollector',
      allowedHostSuffixes: ['.sentinelone.net'],
      secretArns: [],
      optionalStreams: [],
      reservedConcurrency: 1,
      overlapMinutes: 10,
      requestsPerSecond: {},
      metrics: 'alarms',
      quietHours: { activities: 96 },
      alarmLagMinutes: 120,
      alarmEmail: '',
      logRetentionDays: 90,
      forwarder: { secretId: 'signal-client/analytics', concurrency: 2, rememberAcceptedDays: 0 },
      roles: { path: '/' },
      cadenceMinutes: {},
    });
  });

  test('are all listed in cdk.json with their defaults', () => {
    expect(Object.keys(cdkJson.context)).toEqual(expect.arrayContaining(Object.keys(read({}))));
    expect(readSettings(cdkJson.context, streams)).toEqual(readSettings({}, streams));
  });

  test("leave the CDK's own context keys alone", () => {
    const cdk = {
      'aws:cdk:enable-path-metadata': true,
      '@aws-cdk/core:checkSecretUsage': true,
      'availability-zones:account=1:region=x': [],
      'acknowledged-issue-numbers': [1],
      'cli-telemetry': false,
    };
    expect(read(cdk)).toEqual(read({}));
  });

  test.each([
    ['stackName', 'Team-1', 'Team-1'],
    [
      'allowedHostSuffixes',
      '[".sentinelone.net",".s1.example.com"]',
      ['.sentinelone.net', '.s1.example.com'],
    ],
    ['allowedHostSuffixes', ['.s1.example.com'], ['.s1.example.com']],
    [
      'secretArns',
      '["arn:aws:secretsmanager:eu-west-1:111122223333:secret:team/s1-AbCdEf"]',
      ['arn:aws:secretsmanager:eu-west-1:111122223333:secret:team/s1-AbCdEf'],
    ],
    [
      'secretArns',
      ['arn:aws-us-gov:secretsmanager:us-gov-west-1:111122223333:secret:team/*'],
      ['arn:aws-us-gov:secretsmanager:us-gov-west-1:111122223333:secret:team/*'],
    ],
    [
      'secretArns',
      ['arn:aws:kms:eu-west-1:111122223333:key/mrk-0123456789abcdef'],
      ['arn:aws:kms:eu-west-1:111122223333:key/mrk-0123456789abcdef'],
    ],
    ['reservedConcurrency', 'false', false],
    ['reservedConcurrency', false, false],
    ['reservedConcurrency', '2', 2],
    ['overlapMinutes', '60', 60],
    ['requestsPerSecond', '{"threats":0.5}', { threats: 0.5 }],
    ['metrics', 'full', 'full'],
    ['quietHours', '{}', { activities: 96 }],
    ['quietHours', '{"activities":0}', {}],
    ['quietHours', '{"threats":240}', { threats: 240, activities: 96 }],
    ['alarmLagMinutes', '15', 15],
    ['alarmEmail', 'soc@example.com', 'soc@example.com'],
    ['logRetentionDays', '3653', 3653],
    ...[
      'https://analytics.example.com',
      'https://Analytics.example.com/',
      'https://analytics.example.com:8443/witfoo/api',
      'https://10.0.0.5',
      'https://[2001:db8::5]:8443',
    ].map((url): [string, unknown, unknown] => ['analyticsUrl', url, url]),
    ...[
      'analytics',
      'signal-client/analytics',
      'signal-client/sentinelone-analytics',
      'arn:aws:secretsmanager:eu-west-1:111122223333:secret:team/analytics-AbCdEf',
    ].map((id): [string, unknown, unknown] => [
      'forwarder',
      { secretId: id },
      { secretId: id, concurrency: 2, rememberAcceptedDays: 0 },
    ]),
    [
      'forwarder',
      '{"concurrency": 1000, "rememberAcceptedDays": 30}',
      { secretId: 'signal-client/analytics', concurrency: 1000, rememberAcceptedDays: 30 },
    ],
    ...['arn:aws:iam::111122223333:policy/team/boundary', 'arn:aws-us-gov:iam::aws:policy/Boundary'].map(
      (arn): [string, unknown, unknown] => [
        'roles',
        { permissionsBoundaryArn: arn },
        { path: '/', permissionsBoundaryArn: arn },
      ],
    ),
    ...['/', '/security/', '/security/collectors/'].map((path): [string, unknown, unknown] => [
      'roles',
      JSON.stringify({ path }),
      { path },
    ]),
    ['cadenceMinutes', '{"threats":1}', { threats: 1 }],
    ['cadenceMinutes', { threats: 5, activities: 7 }, { threats: 5, activities: 7 }],
    [
      'proxy',
      '{"url":"http://proxy.example.com:3128"}',
      { url: 'http://proxy.example.com:3128', except: [] },
    ],
    ...[
      { url: 'https://10.0.0.5:443/', except: ['.amazonaws.com', '[::1]:80', '*'] },
      { url: 'http://proxy.example.com:3128', except: [] },
    ].map((proxy): [string, unknown, unknown] => ['proxy', proxy, proxy]),
    ['caFile', 'ca.pem', 'ca.pem'],
    ['keyArn', ownKey, ownKey],
    ...[{ subnetIds: ['subnet-0a1b2c3d'], securityGroupIds: ['sg-0a1b2c3d'] }].map(
      (vpc): [string, unknown, unknown] => ['vpc', JSON.stringify(vpc), vpc],
    ),
  ])('take %s = %j', (key, given, taken) => {
    expect(read({ [key]: given })).toMatchObject({ [key]: taken });
  });

  const wholeNumber = (least: number, most: number) => `must be a whole number from ${least} to ${most}`;
  const suffixes = 'must be a JSON list of one or more lower-case host suffixes';
  const secrets =
    'must be a JSON list of ARNs: of secrets, each with the six characters at its end or a wildcard';
  const concurrency = 'must be a whole number from 1 to 1000, or false to reserve none';
  const rates = 'must be a JSON object of positive numbers by stream name (threats, activities)';
  const address =
    'must be https://host, https://host:port or one of these with a path, and with no user, query or fragment';
  const forwarder =
    'must be a JSON object of secretId (the name of a secret, or its ARN with the six characters at its end, outside signal-client/sentinelone/, which the pollers can read), concurrency (a whole number from 2 to 1000) and rememberAcceptedDays (a whole number from 0 to 30)';
  const proxy = 'must be a JSON object such as {"url": "http://host:port"';
  const retention = 'must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120';

  test.each([
    ['stackName', '', 'must be a letter and up to 39 more letters, digits and hyphens'],
    ['stackName', '1st', 'must be a letter and'],
    ['stackName', 'a'.repeat(41), 'must be a letter and'],
    ['stackName', 5, 'must be a letter and'],
    ['allowedHostSuffixes', '.sentinelone.net', suffixes],
    ['allowedHostSuffixes', [], suffixes],
    ['allowedHostSuffixes', ['sentinelone.net'], suffixes],
    ['allowedHostSuffixes', ['.net'], suffixes],
    ['allowedHostSuffixes', ['.sentinelone.net', '.a,.b'], suffixes],
    ['allowedHostSuffixes', ['.Sentinelone.net'], suffixes],
    ['secretArns', ['team/s1'], secrets],
    ['secretArns', ['arn:aws:secretsmanager:eu-west-1:111122223333:secret:team/s1'], secrets],
    ['secretArns', ['arn:aws:secretsmanager:eu-west-1:111122223333:secret:*'], secrets],
    ['secretArns', ['arn:aws:secretsmanager:*:111122223333:secret:team/*'], secrets],
    ['secretArns', ['arn:aws:kms:eu-west-1:111122223333:alias/team'], secrets],
    ['secretArns', ['arn:aws:kms:eu-west-1:111122223333:key/*'], secrets],
    ['reservedConcurrency', 0, concurrency],
    ['reservedConcurrency', 'true', concurrency],
    ['reservedConcurrency', 1.5, concurrency],
    ['overlapMinutes', 61, wholeNumber(1, 60)],
    ['requestsPerSecond', { threat: 1 }, rates],
    ['requestsPerSecond', { threats: 0 }, rates],
    ['requestsPerSecond', '{"threats":1e999}', rates],
    ['requestsPerSecond', 6, rates],
    ['metrics', 'all', 'must be one of alarms, full, per-instance'],
    ['quietHours', { threats: -1 }, 'must be a JSON object of whole hours from 0 to 8760 by stream name'],
    ['quietHours', { alerts: 1 }, 'such as {"threats": 48}'],
    ['alarmLagMinutes', 14, wholeNumber(15, 10_080)],
    ['alarmEmail', 'soc', 'must be an email address, or empty'],
    ['logRetentionDays', 91, retention],
    ['logRetentionDays', 9999, retention],
    ...[
      '',
      'analytics.example.com',
      'http://analytics.example.com',
      'https://',
      'https://analytics.example.com:99999',
      'https://me@analytics.example.com',
      'https://me:secret@analytics.example.com',
      'https://analytics.example.com?a=1',
      'https://analytics.example.com/api?',
      'https://analytics.example.com/#a',
      'https://analytics.example.com/a b',
      'https://analytics.example.com\n',
      false,
    ].map((url): [string, unknown, string] => ['analyticsUrl', url, address]),
    ...[
      '',
      'signal-client/sentinelone/analytics',
      'arn:aws:secretsmanager:eu-west-1:111122223333:secret:signal-client/sentinelone/analytics-AbCdEf',
      'arn:aws:secretsmanager:eu-west-1:111122223333:secret:team/analytics',
      'arn:aws:secretsmanager:eu-west-1:111122223333:secret:team/*',
      'team/*',
    ].map((id): [string, unknown, string] => ['forwarder', { secretId: id }, forwarder]),
    ...[
      { concurrency: 1 },
      { concurrency: 1001 },
      { rememberAcceptedDays: -1 },
      { rememberAcceptedDays: 31 },
      { other: 1 },
    ].map((given): [string, unknown, string] => ['forwarder', given, forwarder]),
    ...['Boundary', 'arn:aws:iam::111122223333:role/boundary', 'arn:aws:iam::1:policy/b'].map(
      (arn): [string, unknown, string] => [
        'roles',
        { permissionsBoundaryArn: arn },
        'the ARN of an IAM policy',
      ],
    ),
    ...['', 'security', '/security', 'security/', '//'].map((path): [string, unknown, string] => [
      'roles',
      { path },
      'must be a JSON object of path (which begins and ends with a slash)',
    ]),
    ...[
      1,
      { threats: 0 },
      { threats: 6 },
      { threats: 1.5 },
      { threats: '1' },
      { other: 1 },
      { agents: 61 },
    ].map((given): [string, unknown, string] => [
      'cadenceMinutes',
      given,
      'each from 1 to the default (5, 10',
    ]),
    ['roles', { path: '/', other: 1 }, 'must be a JSON object of path'],
    ...[
      'http://proxy.example.com:3128',
      { url: 'proxy.example.com:3128' },
      { url: 'http://proxy.example.com' },
      { url: 'http://me:secret@proxy.example.com:3128' },
      { url: 'http://proxy.example.com:99999' },
      { url: 'socks5://proxy.example.com:1080' },
      { url: 'http://proxy.example.com:3128', except: '.amazonaws.com' },
      { url: 'http://proxy.example.com:3128', except: ['a,b'] },
      { url: 'http://proxy.example.com:3128', except: ['a b'] },
      { url: 'http://proxy.example.com:3128', noProxy: [] },
      { except: [] },
    ].map((given): [string, unknown, string] => ['proxy', given, proxy]),
    ...[
      { subnetIds: ['subnet-0a1b2c3d'] },
      { securityGroupIds: ['sg-0a1b2c3d'] },
      { subnetIds: [], securityGroupIds: [] },
      { subnetIds: ['subnet-XYZ'], securityGroupIds: ['sg-0a1b2c3d'] },
      { subnetIds: 'subnet-0a1b2c3d', securityGroupIds: ['sg-0a1b2c3d'] },
      { subnetIds: ['subnet-0a1b2c3d'], securityGroupIds: ['default'] },
      { subnetIds: ['subnet-0a1b2c3d'], securityGroupIds: ['sg-0a1b2c3d'], id: 'vpc-1' },
    ].map((given): [string, unknown, string] => ['vpc', given, 'must be a JSON object such as {"subnetIds"']),
    ['keyArn', 'alias/team', 'must be the ARN of a KMS key'],
    ['keyArn', 'arn:aws:kms:eu-west-1:111122223333:alias/team', 'must be the ARN of a KMS key'],
    ['caFile', '', 'must be the path to a file of PEM certificates on the machine that deploys'],
  ])('refuse %s = %j', (key, given, allowed) => {
    const sentence = refusal({ [key]: given });
    expect(sentence).toMatch(new RegExp(`^The setting ${key} is .*, but must be [^\n]*\\.$`));
    expect(sentence).toContain(allowed);
  });

  test('show the refused value', () => {
    expect(refusal({ overlapMinutes: '2000' })).toBe(
      'The setting overlapMinutes is 2000, but must be a whole number from 1 to 60.',
    );
  });

  test.each(['proxy', 'analyticsUrl'])('show no user and no password of %s', (key) => {
    const url = 'https://me:se/c"r@t@proxy.example.com:3128';
    const sentence = refusal({ [key]: key === 'proxy' ? { url } : url });
    expect(sentence).toContain('"https://…@proxy.example.com:3128"');
    expect(sentence).not.toMatch(/me:|cr@t/);
  });

  test.each(['bogus', 'overlapminutes', 'constructor'])('refuse %s, which is none of them', (key) => {
    expect(refusal({ [key]: 1 })).toMatch(
      new RegExp(`^The setting ${key} is unknown; there are stackName, .*, roles\\.$`),
    );
  });

  test.each([
    ['messageKib', 'it is a constant now'],
    ['pagesPerRun', 'it is a constant now'],
    ['rolePath', 'it is now part of roles, {"path": …}'],
    ['httpsProxy', 'it is now proxy, {"url": …}'],
    ['securityGroupIds', 'it is now part of vpc, {"subnetIds": […], "securityGroupIds": […]}'],
    ['tags', 'give tags to the CDK, as --tags name=value or as "tags" at the top of cdk.json'],
  ])('say what became of %s', (key, became) => {
    expect(refusal({ [key]: 1 })).toBe(
      `The setting ${key} was removed: ${became}. Remove it from the context.`,
    );
  });

  test('are no more than twenty, and docs/settings.md lists each with its default and its description', () => {
    const { entries } = settingsSchema(streams);
    const rows = Object.entries(entries).map(([name, schema]) => {
      const { default: standard } = v.getDefaults(v.object({ default: schema }));
      const shown = standard === undefined || standard === '' ? '' : `\`${text(standard)}\``;
      const description = v.getDescription(schema.type === 'exact_optional' ? schema.wrapped : schema);
      return `| \`${name}\` | ${shown} | ${description} |`.replace('|  |', '| |');
    });
    expect(rows.length).toBeLessThanOrEqual(20);
    const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'settings.md'), 'utf8');
    const [, table = ''] = page.match(/^\| setting \| default \| \|\n.*\n((?:\|.*\n)+)/m) ?? [];
    expect(table.trimEnd().split('\n')).toEqual(rows);
  });
});

const text = (value: unknown) =>
  typeof value === 'string' ? value : JSON.stringify(value).replace(/([:,])(?=\S)/g, '$1 ');

function refusal(context: Record<string, unknown>): string {
  try {
    read(context);
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}
