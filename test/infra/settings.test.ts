import { describe, expect, test } from 'vitest';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { readSettings, SettingsError } from '../../infra/settings.ts';

const ownKey = 'arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555';
const read = (context: Record<string, unknown>) => readSettings(context, ['threats', 'activities']);

describe('settings', () => {
  test('have defaults', () => {
    expect(read({})).toEqual({
      stackName: 'SentinelOneCollector',
      allowedHostSuffixes: ['.sentinelone.net'],
      secretArns: [],
      secretKeyArns: [],
      reservedConcurrency: 1,
      messageKib: 250,
      overlapMinutes: 10,
      memoryEntries: 20_000,
      requestsPerSecond: {},
      instancesPerRun: 200,
      instancesAtOnce: 40,
      pagesPerTurn: 1,
      pagesPerRun: 1000,
      pageTimeoutSeconds: 60,
      auditHours: 24,
      perInstanceMetrics: false,
      quietHours: { activities: 96 },
      alarmLagMinutes: 120,
      alarmQueueHours: 24,
      alarmEmail: '',
      operationsUrl: 'docs/operations.md',
      memoryMb: 512,
      logRetentionDays: 90,
      overflowExpirationDays: 30,
      analyticsSecretId: 'signal-client/analytics',
      analyticsRequestKib: 1024,
      analyticsConcurrency: 2,
      rememberAcceptedDays: 0,
      noProxy: [],
      subnetIds: [],
      securityGroupIds: [],
      tags: {},
    });
  });

  test('are all listed in cdk.json with their defaults', () => {
    expect(Object.keys(cdkJson.context)).toEqual(expect.arrayContaining(Object.keys(read({}))));
    const names = ['threats', 'activities', 'agents'];
    expect(readSettings(cdkJson.context, names)).toEqual(readSettings({}, names));
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
      'secretKeyArns',
      ['arn:aws:kms:eu-west-1:111122223333:key/mrk-0123456789abcdef'],
      ['arn:aws:kms:eu-west-1:111122223333:key/mrk-0123456789abcdef'],
    ],
    ['reservedConcurrency', 'false', false],
    ['reservedConcurrency', false, false],
    ['reservedConcurrency', '2', 2],
    ['messageKib', '100', 100],
    ['messageKib', 1000, 1000],
    ['overlapMinutes', '60', 60],
    ['memoryEntries', '1000', 1000],
    ['requestsPerSecond', '{"threats":0.5}', { threats: 0.5 }],
    ['instancesPerRun', '1000', 1000],
    ['instancesAtOnce', '1', 1],
    ['pagesPerTurn', '5', 5],
    ['pagesPerRun', '1', 1],
    ['pageTimeoutSeconds', '5', 5],
    ['auditHours', '0', 0],
    ['perInstanceMetrics', 'true', true],
    ['quietHours', '{}', {}],
    ['quietHours', '{"threats":240}', { threats: 240 }],
    ['alarmLagMinutes', '15', 15],
    ['alarmQueueHours', '239', 239],
    ['alarmEmail', 'soc@example.com', 'soc@example.com'],
    [
      'operationsUrl',
      'https://git.example.com/collector/docs/operations.md',
      'https://git.example.com/collector/docs/operations.md',
    ],
    ['memoryMb', '10240', 10_240],
    ['logRetentionDays', '3653', 3653],
    ['overflowExpirationDays', '28', 28],
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
    ].map((id): [string, unknown, unknown] => ['analyticsSecretId', id, id]),
    ['analyticsRequestKib', '64', 64],
    ['analyticsConcurrency', '1000', 1000],
    ['rememberAcceptedDays', '30', 30],
    ['httpsProxy', 'http://proxy.example.com:3128', 'http://proxy.example.com:3128'],
    ['httpsProxy', 'https://10.0.0.5:443/', 'https://10.0.0.5:443/'],
    ['noProxy', '[".amazonaws.com","[::1]:80","*"]', ['.amazonaws.com', '[::1]:80', '*']],
    ['caFile', 'ca.pem', 'ca.pem'],
    ['keyArn', ownKey, ownKey],
    ['tags', '{"team":"security","cost centre":"7/a"}', { team: 'security', 'cost centre': '7/a' }],
  ])('take %s = %j', (key, given, taken) => {
    expect(read({ [key]: given })).toMatchObject({ [key]: taken });
  });

  const wholeNumber = (least: number, most: number) => `must be a whole number from ${least} to ${most}`;
  const suffixes = 'must be a JSON list of one or more lower-case host suffixes';
  const secrets =
    'must be a JSON list of ARNs of secrets, each with the six characters at its end or a wildcard';
  const keys = 'must be a JSON list of ARNs of KMS keys (of the keys themselves: an alias grants nothing)';
  const concurrency =
    'must be a whole number from 1 to 1000, or false where an AWS account with a concurrency limit of 10 has none to reserve';
  const rates = 'must be a JSON object of positive numbers by stream name (threats, activities)';
  const address =
    'must be https://host, https://host:port or one of these with a path, and with no user, query or fragment';
  const secretId =
    'must be the name of a secret, or its ARN with the six characters at its end, outside signal-client/sentinelone/, which the pollers can read';
  const proxy =
    'must be http://host:port or https://host:port; a user and a password would be readable for all who may see the functions';
  const direct = 'must be a JSON list of hosts, suffixes and addresses';
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
    ['secretKeyArns', ['arn:aws:kms:eu-west-1:111122223333:alias/team'], keys],
    ['secretKeyArns', ['arn:aws:kms:eu-west-1:111122223333:key/*'], keys],
    ['reservedConcurrency', 0, concurrency],
    ['reservedConcurrency', 'true', concurrency],
    ['reservedConcurrency', 1.5, concurrency],
    ['messageKib', 0, wholeNumber(1, 1000)],
    ['messageKib', '1001', wholeNumber(1, 1000)],
    ['messageKib', 'big', wholeNumber(1, 1000)],
    ['messageKib', '', wholeNumber(1, 1000)],
    ['messageKib', null, wholeNumber(1, 1000)],
    ['overlapMinutes', 61, wholeNumber(1, 60)],
    ['memoryEntries', 999, wholeNumber(1000, 20_000)],
    ['memoryEntries', 20_001, wholeNumber(1000, 20_000)],
    ['requestsPerSecond', { threat: 1 }, rates],
    ['requestsPerSecond', { threats: 0 }, rates],
    ['requestsPerSecond', '{"threats":1e999}', rates],
    ['requestsPerSecond', 6, rates],
    ['instancesPerRun', 1001, wholeNumber(1, 1000)],
    ['instancesAtOnce', 0, wholeNumber(1, 200)],
    ['pagesPerTurn', 0, wholeNumber(1, 1000)],
    ['pagesPerRun', 0, wholeNumber(1, 100_000)],
    ['pageTimeoutSeconds', 121, wholeNumber(5, 120)],
    ['auditHours', -1, wholeNumber(0, 168)],
    ['perInstanceMetrics', 1, 'must be true or false'],
    ['quietHours', { threats: 0 }, 'must be a JSON object of whole hours from 1 to 8760 by stream name'],
    ['quietHours', { alerts: 1 }, 'such as {"threats": 48}'],
    ['alarmLagMinutes', 14, wholeNumber(15, 10_080)],
    ['alarmQueueHours', 240, wholeNumber(1, 239)],
    ['alarmEmail', 'soc', 'must be an email address, or empty'],
    ['operationsUrl', 'docs/operations.md#alarms', 'must be an address without #'],
    ['operationsUrl', '', 'must be an address without #'],
    ['memoryMb', 127, wholeNumber(128, 10_240)],
    ['logRetentionDays', 91, retention],
    ['logRetentionDays', 9999, retention],
    ['overflowExpirationDays', 27, wholeNumber(28, 3650)],
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
    ].map((id): [string, unknown, string] => ['analyticsSecretId', id, secretId]),
    ['analyticsRequestKib', 63, wholeNumber(64, 8192)],
    ['analyticsRequestKib', 8193, wholeNumber(64, 8192)],
    ['analyticsConcurrency', 1, wholeNumber(2, 1000)],
    ['analyticsConcurrency', 1001, wholeNumber(2, 1000)],
    ['rememberAcceptedDays', -1, wholeNumber(0, 30)],
    ['rememberAcceptedDays', 31, wholeNumber(0, 30)],
    ['httpsProxy', 'proxy.example.com:3128', proxy],
    ['httpsProxy', 'http://proxy.example.com', proxy],
    ['httpsProxy', 'http://me:secret@proxy.example.com:3128', proxy],
    ['httpsProxy', 'http://proxy.example.com:99999', proxy],
    ['httpsProxy', 'socks5://proxy.example.com:1080', proxy],
    ['noProxy', '.amazonaws.com', direct],
    ['noProxy', ['a,b'], direct],
    ['noProxy', ['a b'], direct],
    ['subnetIds', 'subnet-0a1b2c3d', 'must be a JSON list of ids of subnets'],
    ['subnetIds', ['subnet-XYZ'], 'must be a JSON list of ids of subnets'],
    ['securityGroupIds', ['default'], 'must be a JSON list of ids of security groups'],
    ['keyArn', 'alias/team', 'must be the ARN of a KMS key'],
    ['keyArn', 'arn:aws:kms:eu-west-1:111122223333:alias/team', 'must be the ARN of a KMS key'],
    ['tags', ['team'], 'must be a JSON object of up to 50 texts by name'],
    ['tags', { 'aws:team': 'security' }, 'must be a JSON object'],
    ['tags', { team: 7 }, 'must be a JSON object'],
    ['tags', { team: 'a?' }, 'must be a JSON object'],
    [
      'tags',
      Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`tag${i}`, ''])),
      'must be a JSON object',
    ],
    ['caFile', '', 'must be the path to a file of PEM certificates on the machine that deploys'],
  ])('refuse %s = %j', (key, given, allowed) => {
    const sentence = refusal({ [key]: given });
    expect(sentence).toMatch(new RegExp(`^The setting ${key} is .*, but must be [^\n]*\\.$`));
    expect(sentence).toContain(allowed);
  });

  test('show the refused value', () => {
    expect(refusal({ messageKib: '2000' })).toBe(
      'The setting messageKib is 2000, but must be a whole number from 1 to 1000.',
    );
  });

  test.each(['httpsProxy', 'analyticsUrl'])('show no user and no password of %s', (key) => {
    const sentence = refusal({ [key]: 'https://me:se/cr@t@proxy.example.com:3128' });
    expect(sentence).toContain(`The setting ${key} is "https://…@proxy.example.com:3128", but must be`);
  });

  test.each([{ subnetIds: ['subnet-0a1b2c3d'] }, { securityGroupIds: ['sg-0a1b2c3d'] }])(
    'refuse %j without what goes with it',
    (context) => {
      expect(refusal(context)).toBe(
        'The settings subnetIds and securityGroupIds go together: give both or neither.',
      );
    },
  );

  test.each(['bogus', 'messageKiB', 'constructor'])('refuse %s, which is none of them', (key) => {
    expect(refusal({ [key]: 1 })).toMatch(
      new RegExp(`^The setting ${key} is unknown; there are stackName, .*, tags\\.$`),
    );
  });
});

function refusal(context: Record<string, unknown>): string {
  try {
    read(context);
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}
