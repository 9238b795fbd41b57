import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type {
  ForwarderEnvironment,
  OperatorEnvironment,
  PollerEnvironment,
} from '../../functions/environment.ts';
import { streams as allStreams, defaultStreams as streams } from '../../functions/streams/list.ts';
import type { Stream } from '../../functions/streams/stream.ts';
import { SettingsError } from '../../infra/context.ts';
import { allocator } from '../../infra/functions/collecting.ts';
import { CollectorApp } from '../../infra/synth.ts';

const madeUp: Stream = {
  name: 'exclusions',
  byDefault: true,
  path: '/exclusions',
  cadenceMinutes: 1440,
  timeoutSeconds: 120,
  requestsPerSecond: 2,
  pageSize: 1000,
  timeDigits: 6,
  orderedBy: 'createdAt',
  time: ['createdAt'],
  id: ['id'],
  query: {},
  wholeInventory: false,
  permission: 'Alerts.view',
  metadata: () => ({}),
};

const rates: Record<string, string> = {
  threats: 'rate(5 minutes)',
  activities: 'rate(10 minutes)',
  agents: 'rate(1 hour)',
  exclusions: 'rate(1 day)',
};

const folder = mkdtempSync(join(tmpdir(), 'collector-stack-'));
const code = join(folder, 'code');
mkdirSync(code);
for (const handler of ['poller.mjs', 'forwarder.mjs']) {
  writeFileSync(join(code, handler), 'export const handler = async () => {};');
}
afterAll(() => rmSync(folder, { recursive: true }));
const { cert } = await generate([{ name: 'commonName', value: 'a private CA' }]);
const certificate = `${cert.trim()}\n`;

function collector(context: Record<string, unknown> = {}, ofStreams = streams): CollectorApp {
  return new CollectorApp({ context, streams: ofStreams, code, outdir: mkdtempSync(join(folder, 'out-')) });
}

const collected = (...made: Parameters<typeof collector>) => Template.fromStack(collector(...made).stack);

/** The one resource of a type that has these properties. */
function only(template: Template, type: string, properties: Record<string, unknown> = {}) {
  const found = Object.entries(template.findResources(type, { Properties: properties }));
  expect(found, `${type} with ${JSON.stringify(properties)}`).toHaveLength(1);
  const [[id, resource] = ['', {}]] = found;
  return { ref: { Ref: id }, arn: { 'Fn::GetAtt': [id, 'Arn'] }, all: resource, ...resource.Properties };
}

/** What a function is told, with what a resource is called in place of its reference. */
function told(template: Template, { Environment }: { Environment: { Variables: { COLLECTOR: unknown } } }) {
  const { 'Fn::Join': [separator, parts] = ['', []] } = Environment.Variables.COLLECTOR as {
    'Fn::Join'?: [string, (string | { Ref: string })[]];
  };
  for (const part of parts)
    if (typeof part !== 'string') expect(template.toJSON().Resources).toHaveProperty(part.Ref);
  return JSON.parse(parts.map((part) => (typeof part === 'string' ? part : part.Ref)).join(separator));
}

const hash = { AttributeName: 'instance', KeyType: 'HASH' };
const range = { AttributeName: 'stream', KeyType: 'RANGE' };

/** What all streams share. */
const shared = (template: Template) => ({
  instances: only(template, 'AWS::DynamoDB::Table', { KeySchema: [hash] }),
  cursors: only(template, 'AWS::DynamoDB::Table', {
    KeySchema: [hash, range],
    TimeToLiveSpecification: Match.absent(),
  }),
  ledger: only(template, 'AWS::DynamoDB::Table', {
    KeySchema: [hash, range],
    TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
  }),
  queue: only(template, 'AWS::SQS::Queue', { RedrivePolicy: Match.anyValue() }),
  deadLetterQueue: only(template, 'AWS::SQS::Queue', { RedrivePolicy: Match.absent() }),
  overflow: only(template, 'AWS::S3::Bucket'),
});

/** What one stream has to itself. */
function own(template: Template, stream: string, stackName = 'SentinelOneCollector') {
  const name = `${stackName}-${stream}`;
  const poll = only(template, 'AWS::Lambda::Function', { FunctionName: name });
  return {
    poll,
    log: only(template, 'AWS::Logs::LogGroup', { LogGroupName: `/aws/lambda/${name}` }),
    role: template.findResources('AWS::IAM::Role')[poll.Role['Fn::GetAtt'][0]]?.Properties,
    rule: only(template, 'AWS::Events::Rule', { Targets: [Match.objectLike({ Arn: poll.arn })] }),
  };
}

function operatorOf(template: Template) {
  const name = 'SentinelOneCollector-operator';
  const operator = only(template, 'AWS::Lambda::Function', { FunctionName: name });
  return {
    operator,
    log: only(template, 'AWS::Logs::LogGroup', { LogGroupName: `/aws/lambda/${name}` }),
    role: template.findResources('AWS::IAM::Role')[operator.Role['Fn::GetAtt'][0]]?.Properties,
  };
}

describe('the stack', () => {
  let template: Template;

  beforeAll(() => {
    template = collected();
  });

  test('has one function, rule, role and log group a stream, and but for the rule those of the operator function and the tiles', () => {
    template.resourceCountIs('AWS::Events::Rule', streams.length);
    for (const type of ['Lambda::Function', 'IAM::Role', 'Logs::LogGroup']) {
      template.resourceCountIs(`AWS::${type}`, streams.length + 2);
    }
    template.resourceCountIs('AWS::IAM::Policy', 0);
    template.resourceCountIs('AWS::IAM::ManagedPolicy', 0);
  });

  describe.each(streams)('for $name', (stream) => {
    test('starts the function at its cadence', () => {
      const { poll, rule } = own(template, stream.name);
      expect(rule).toMatchObject({ ScheduleExpression: rates[stream.name], State: 'ENABLED' });
      template.hasResourceProperties('AWS::Lambda::Permission', {
        FunctionName: poll.arn,
        Principal: 'events.amazonaws.com',
        SourceArn: rule.arn,
      });
    });

    test('drops a tick that could not be run before the next one', () => {
      const { poll, rule } = own(template, stream.name);
      const cadenceSeconds = stream.cadenceMinutes * 60;
      expect(only(template, 'AWS::Lambda::EventInvokeConfig', { FunctionName: poll.ref })).toMatchObject({
        MaximumRetryAttempts: 0,
        MaximumEventAgeInSeconds: cadenceSeconds,
      });
      expect(rule.Targets[0].RetryPolicy).toEqual({
        MaximumRetryAttempts: 3,
        MaximumEventAgeInSeconds: cadenceSeconds,
      });
    });

    test('ends a run before the next tick', () => {
      const { poll } = own(template, stream.name);
      expect(poll.Timeout).toBe(stream.timeoutSeconds);
      expect(poll.Timeout).toBeLessThan(stream.cadenceMinutes * 60);
      expect(poll.Timeout).toBeLessThanOrEqual(900);
    });

    test('runs the one bundle on Node 24 and arm64, one run at a time', () => {
      const { poll, log } = own(template, stream.name);
      expect(poll).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        Handler: 'poller.handler',
        MemorySize: 512,
        ReservedConcurrentExecutions: 1,
        LoggingConfig: { LogGroup: log.ref },
      });
      const [first] = streams.map(({ name }) => own(template, name).poll);
      expect(poll.Code).toEqual(first?.Code);
    });

    test('tells the function all that it reads from its environment', () => {
      const { instances, cursors, ledger, queue, overflow } = shared(template);
      const { poll } = own(template, stream.name);
      expect(told(template, poll)).toEqual({
        stream: stream.name,
        instancesTable: instances.ref.Ref,
        cursorsTable: cursors.ref.Ref,
        ledgerTable: ledger.ref.Ref,
        artifactQueueUrl: queue.ref.Ref,
        overflowBucket: overflow.ref.Ref,
        allowedHostSuffixes: ['.sentinelone.net'],
        overlapMs: 600_000,
        requestsPerSecond: stream.requestsPerSecond,
        furtherRuns: false,
        metrics: 'alarms',
        alarmLagSeconds: 7200,
        ...(stream.name !== 'threats' && { quietMs: 96 * 3_600_000 }),
      } satisfies PollerEnvironment);
      expect(poll.Environment.Variables).toEqual({
        COLLECTOR: expect.anything(),
        ...allocator,
        POWERTOOLS_SERVICE_NAME: 'SentinelOneCollector',
      });
    });

    test('lets the function do what a poll does, and nothing else', () => {
      const { role, log } = own(template, stream.name);
      const { instances, cursors, ledger, queue, overflow } = shared(template);
      expect(role).toEqual(
        roleThatMay('poll', [
          allow(['logs:CreateLogStream', 'logs:PutLogEvents'], log.arn),
          allow(['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Scan'], instances.arn),
          allow(
            ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
            cursors.arn,
          ),
          allow('sqs:SendMessage', queue.arn),
          allow('s3:PutObject', { 'Fn::Join': ['', [overflow.arn, '/*']] }),
          allow('secretsmanager:GetSecretValue', secretNamed('signal-client/sentinelone/*')),
          allow('dynamodb:UpdateItem', ledger.arn),
        ]),
      );
    });

    test('keeps the logs for 90 days, and not in the way of the next deployment', () => {
      const { log } = own(template, stream.name);
      expect(log.RetentionInDays).toBe(90);
      expect(log.all.DeletionPolicy).toBe('Delete');
    });
  });

  test.each(['instances', 'cursors', 'ledger'] as const)(
    'keeps the %s, whatever happens to the stack',
    (table) => {
      const { [table]: kept } = shared(template);
      expect(kept).toMatchObject({
        BillingMode: 'PAY_PER_REQUEST',
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        DeletionProtectionEnabled: true,
        all: { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' },
      });
    },
  );

  test.each(['queue', 'deadLetterQueue'] as const)(
    'keeps what is in the %s encrypted and for 14 days',
    (name) => {
      const { [name]: queue } = shared(template);
      expect(queue).toMatchObject({
        SqsManagedSseEnabled: true,
        MessageRetentionPeriod: 14 * 24 * 60 * 60,
        all: { DeletionPolicy: 'RetainExceptOnCreate', UpdateReplacePolicy: 'Retain' },
      });
      expect(queue).not.toHaveProperty('FifoQueue');
      only(template, 'AWS::SQS::QueuePolicy', {
        Queues: [queue.ref],
        PolicyDocument: { Statement: [tlsOnly('sqs:*', queue.arn)] },
      });
    },
  );

  test('buries no message in a day on which every receive fails', () => {
    const { queue, deadLetterQueue } = shared(template);
    expect(queue.RedrivePolicy.deadLetterTargetArn).toEqual(deadLetterQueue.arn);
    expect(queue.RedrivePolicy.maxReceiveCount * queue.VisibilityTimeout).toBeGreaterThan(24 * 60 * 60);
  });

  test('keeps a record that is too large for a message for longer than any message that names it', () => {
    const { queue, deadLetterQueue, overflow } = shared(template);
    const day = 24 * 60 * 60;
    // A message keeps its first date when it moves to the dead-letter queue; moved back by hand it gets a new one.
    const longest = (queue.MessageRetentionPeriod + deadLetterQueue.MessageRetentionPeriod) / day;
    expect(overflow.LifecycleConfiguration.Rules[0].ExpirationInDays).toBeGreaterThanOrEqual(longest);
  });

  test('leaves time in the dead-letter queue for what no consumer could take', () => {
    const { queue, deadLetterQueue } = shared(template);
    const deadLetteredAfter = queue.RedrivePolicy.maxReceiveCount * queue.VisibilityTimeout;
    const week = 7 * 24 * 60 * 60;
    expect(deadLetterQueue.MessageRetentionPeriod - deadLetteredAfter).toBeGreaterThan(week);
  });

  test('takes messages of up to 1 MiB', () => {
    expect(shared(template).queue.MaximumMessageSize).toBe(1024 * 1024);
  });

  test('keeps overflowing records private, encrypted, behind TLS and for 30 days', () => {
    const { overflow } = shared(template);
    expect(overflow).toMatchObject({
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      LifecycleConfiguration: {
        Rules: [
          { ExpirationInDays: 30, NoncurrentVersionExpiration: { NoncurrentDays: 7 }, Status: 'Enabled' },
          { ExpiredObjectDeleteMarker: true, Status: 'Enabled' },
        ],
      },
      VersioningConfiguration: { Status: 'Enabled' },
      all: { DeletionPolicy: 'RetainExceptOnCreate', UpdateReplacePolicy: 'Retain' },
    });
    only(template, 'AWS::S3::BucketPolicy', {
      Bucket: overflow.ref,
      PolicyDocument: { Statement: Match.arrayWith([tlsOnly('s3:*', Match.anyValue())]) },
    });
  });

  test('says where everything is', () => {
    const { instances, cursors, ledger, queue, deadLetterQueue, overflow } = shared(template);
    const values = Object.entries(template.findOutputs('*')).map(([name, { Value }]) => [name, Value]);
    expect(Object.fromEntries(values)).toEqual({
      InstancesTableName: instances.ref,
      CursorsTableName: cursors.ref,
      LedgerTableName: ledger.ref,
      ArtifactQueueUrl: queue.ref,
      ArtifactQueueArn: queue.arn,
      ArtifactDeadLetterQueueUrl: deadLetterQueue.ref,
      OperatorFunctionName: operatorOf(template).operator.ref,
      OverflowBucketName: overflow.ref,
      HealthRules: '{"allowedHostSuffixes":[".sentinelone.net"],"quietHours":{"activities":96,"agents":96}}',
      AlarmTopicArn: only(template, 'AWS::SNS::Topic').ref,
      Version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    });
  });

  test('saves the query that shows what was fetched', () => {
    const query = only(template, 'AWS::Logs::QueryDefinition', { Name: 'SentinelOneCollector/fetched' });
    expect(query.LogGroupNames).toEqual(streams.map(({ name }) => own(template, name).log.ref));
    expect(query.QueryString).toContain('filter message like /^sentinelone: fetched/');
  });
});

describe('the operator function', () => {
  let template: Template;

  beforeAll(() => {
    template = collected();
  });

  test('runs the code of the pollers, without a rule, and does not wait for itself', () => {
    const { operator, log } = operatorOf(template);
    expect(operator).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'operator.handler',
      MemorySize: 512,
      LoggingConfig: { LogGroup: log.ref },
    });
    expect(operator).not.toHaveProperty('ReservedConcurrentExecutions');
    expect(operator.Code).toEqual(own(template, 'threats').poll.Code);
    expect(JSON.stringify(template.findResources('AWS::Events::Rule'))).not.toContain(operator.ref.Ref);
    expect(JSON.stringify(template.findResources('AWS::Lambda::Permission'))).not.toContain(operator.ref.Ref);
    expect(only(template, 'AWS::Lambda::EventInvokeConfig', { FunctionName: operator.ref })).toMatchObject({
      MaximumRetryAttempts: 0,
    });
  });

  test('answers before a NAT gateway forgets the connection of a waiting caller', () => {
    expect(operatorOf(template).operator.Timeout).toBe(300);
    expect(operatorOf(template).operator.Timeout).toBeLessThan(350);
  });

  test('is told all that it reads from its environment', () => {
    const { instances, cursors, queue, overflow } = shared(template);
    const { operator } = operatorOf(template);
    expect(told(template, operator)).toEqual({
      instancesTable: instances.ref.Ref,
      cursorsTable: cursors.ref.Ref,
      artifactQueueUrl: queue.ref.Ref,
      overflowBucket: overflow.ref.Ref,
      allowedHostSuffixes: ['.sentinelone.net'],
      overlapMs: 600_000,
      requestsPerSecondByStream: {},
    } satisfies OperatorEnvironment);
    expect(operator.Environment.Variables).toEqual({
      COLLECTOR: expect.anything(),
      ...allocator,
      POWERTOOLS_SERVICE_NAME: 'SentinelOneCollector',
    });
  });

  test('may read instances and tokens, deliver, and commit a replay, and nothing else', () => {
    const { role, log } = operatorOf(template);
    const { instances, cursors, queue, overflow } = shared(template);
    expect(role).toEqual(
      roleThatMay('operate', [
        allow(['logs:CreateLogStream', 'logs:PutLogEvents'], log.arn),
        allow('dynamodb:GetItem', instances.arn),
        allow('dynamodb:UpdateItem', cursors.arn),
        allow('sqs:SendMessage', queue.arn),
        allow('s3:PutObject', { 'Fn::Join': ['', [overflow.arn, '/*']] }),
        allow('secretsmanager:GetSecretValue', secretNamed('signal-client/sentinelone/*')),
      ]),
    );
  });

  test('starts no further runs, also where the pollers do', () => {
    const { role } = operatorOf(collected({ reservedConcurrency: false }));
    expect(JSON.stringify(role)).not.toContain('lambda:InvokeFunction');
  });

  test('keeps its log for 90 days', () => {
    expect(operatorOf(template).log.RetentionInDays).toBe(90);
  });

  test('has a saved query for what it was asked, and by whom', () => {
    const query = only(template, 'AWS::Logs::QueryDefinition', {
      Name: 'SentinelOneCollector/operator requests',
    });
    expect(query.LogGroupNames).toEqual([operatorOf(template).log.ref]);
    expect(query.QueryString).toContain('askedBy');
  });
});

describe('a fourth stream', () => {
  test('has its function and its rule as soon as it is in the list', () => {
    const template = collected({}, [...streams, madeUp]);
    template.resourceCountIs('AWS::Lambda::Function', streams.length + 3);
    const { poll, rule } = own(template, 'exclusions');
    expect(told(template, poll)).toMatchObject({ stream: 'exclusions', requestsPerSecond: 2 });
    expect(rule.ScheduleExpression).toBe('rate(1 day)');
    // Lambda keeps no event for longer than six hours.
    expect(only(template, 'AWS::Lambda::EventInvokeConfig', { FunctionName: poll.ref })).toMatchObject({
      MaximumEventAgeInSeconds: 6 * 60 * 60,
    });
  });
});

describe.each(allStreams.filter(({ byDefault }) => !byDefault))('the optional stream $name', ({ name }) => {
  const resourcesOf = (template: Template) =>
    Object.entries(template.toJSON().Resources as Record<string, { Type: string }>);
  const idOf = (stream: string) => stream.replaceAll('-', '');
  const typesOf = (template: Template, stream: string) =>
    resourcesOf(template)
      .filter(([id]) => id.startsWith(idOf(stream)) || id.includes(`Alarms${idOf(stream)}`))
      .map(([, { Type }]) => Type)
      .sort();
  const [without, with_] = [collected(), collected({ optionalStreams: [name] }, allStreams)];

  test('adds to the stack what every stream has there, and nothing else', () => {
    expect(typesOf(without, name)).toEqual([]);
    expect(typesOf(with_, name)).toEqual(typesOf(without, 'agents'));
    const known = new Set(resourcesOf(without).map(([id]) => id));
    const added = resourcesOf(with_).filter(([id]) => !known.has(id));
    expect(added.map(([, { Type }]) => Type).sort()).toEqual(typesOf(with_, name));
  });

  test('is in alarms, queries and dashboard, and known to those who judge', () => {
    const mentions = (template: Template) =>
      new Set(
        resourcesOf(template)
          .filter(([, resource]) => JSON.stringify(resource).includes(name))
          .map(([, { Type }]) => Type),
      );
    for (const type of ['CloudWatch::Alarm', 'CloudWatch::Dashboard', 'Lambda::Function', 'Logs::LogGroup'])
      expect(mentions(with_), type).toContain(`AWS::${type}`);
    const { log } = own(with_, name);
    const query = only(with_, 'AWS::Logs::QueryDefinition', { Name: 'SentinelOneCollector/fetched' });
    expect(query.LogGroupNames).toContainEqual(log.ref);
    expect(JSON.stringify(with_.toJSON().Outputs.HealthRules)).toContain(name);
    expect(JSON.stringify(without.toJSON())).not.toContain(`optionalStreams`);
  });
});

test('changes of state as artifacts add nothing to the stack, and every poller is told', () => {
  const [without, with_] = [collected(), collected({ optionalStreams: ['collector-health'] })];
  const idsOf = (template: Template) => Object.keys(template.toJSON().Resources).sort();
  expect(idsOf(with_)).toEqual(idsOf(without));
  for (const { name } of streams)
    expect(told(with_, own(with_, name).poll)).toMatchObject({ healthArtifacts: true });
});

describe('the forwarder', () => {
  const analyticsUrl = 'https://analytics.example.com';
  const forwarding = (context: Record<string, unknown> = {}) => collected({ analyticsUrl, ...context });

  function forwarder(template: Template) {
    const name = 'SentinelOneCollector-forwarder';
    const forward = only(template, 'AWS::Lambda::Function', { FunctionName: name });
    return {
      forward,
      log: only(template, 'AWS::Logs::LogGroup', { LogGroupName: `/aws/lambda/${name}` }),
      role: template.findResources('AWS::IAM::Role')[forward.Role['Fn::GetAtt'][0]]?.Properties,
      source: only(template, 'AWS::Lambda::EventSourceMapping'),
    };
  }

  const accepted = (template: Template) =>
    only(template, 'AWS::DynamoDB::Table', { KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }] });

  let template: Template;

  beforeAll(() => {
    template = forwarding();
  });

  test('adds itself and what watches it, in place of the alarm on other consumers, and changes nothing else', () => {
    const { Resources: before, Outputs: outputsBefore, ...others } = collected().toJSON();
    const { Resources: after, Outputs: outputs, ...sameOthers } = template.toJSON();
    expect(sameOthers).toEqual(others);
    // What the command line compares with what Analytics accepted depends on it.
    const { HealthRules: _, ...otherOutputs } = outputsBefore;
    expect(outputs).toMatchObject(otherOutputs);
    expect(JSON.parse(outputs.HealthRules.Value)).toMatchObject({ forwards: true });
    expect(JSON.parse(outputsBefore.HealthRules.Value)).not.toHaveProperty('forwards');
    const typesOf = (ids: readonly string[]) => ids.map((id) => after[id].Type).sort();
    expect(typesOf(Object.keys(after).filter((id) => !Object.hasOwn(before, id)))).toEqual([
      'AWS::CloudWatch::Alarm',
      'AWS::IAM::Role',
      'AWS::Lambda::EventSourceMapping',
      'AWS::Lambda::Function',
      'AWS::Logs::LogGroup',
      'AWS::Logs::QueryDefinition',
    ]);
    const gone = Object.keys(before).filter((id) => !Object.hasOwn(after, id));
    expect(gone.map((id) => before[id].Properties.AlarmName)).toEqual(['SentinelOneCollector-queue-unread']);
    const changed = Object.keys(before).filter(
      (id) => Object.hasOwn(after, id) && !isDeepStrictEqual(before[id], after[id]),
    );
    // The pollers know that Analytics has to accept what they deliver. That of activities reads how much it accepted.
    const pollers = Array.from(streams, () => 'AWS::Lambda::Function');
    expect(typesOf(changed)).toEqual(['AWS::CloudWatch::Dashboard', 'AWS::IAM::Role', ...pollers]);
  });

  test('is fed by the artifact queue, which then forgets only what was not named as failed', () => {
    const { forward, source } = forwarder(template);
    const { all: _, ref: __, arn: ___, ...properties } = source;
    expect(properties).toEqual({
      EventSourceArn: shared(template).queue.arn,
      FunctionName: forward.ref,
      BatchSize: 100,
      MaximumBatchingWindowInSeconds: 5,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 2 },
    });
  });

  test('runs the same code as the pollers, and reserves no concurrency', () => {
    const { forward, log } = forwarder(template);
    expect(forward).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'forwarder.handler',
      MemorySize: 512,
      Timeout: 59,
      LoggingConfig: { LogGroup: log.ref },
    });
    expect(forward).not.toHaveProperty('ReservedConcurrentExecutions');
    expect(forward.Code).toEqual(own(template, 'threats').poll.Code);
    expect(log.all.DeletionPolicy).toBe('Delete');
  });

  test('has messages hidden for six times as long as it may take', () => {
    const { forward } = forwarder(template);
    expect(shared(template).queue.VisibilityTimeout).toBeGreaterThanOrEqual(6 * forward.Timeout);
  });

  test('is told all that it reads from its environment', () => {
    const { cursors, ledger, deadLetterQueue } = shared(template);
    const { forward } = forwarder(template);
    expect(told(template, forward)).toEqual({
      analyticsUrl,
      secretId: 'signal-client/analytics',
      deadLetterQueueUrl: deadLetterQueue.ref.Ref,
      cursorsTable: cursors.ref.Ref,
      ledgerTable: ledger.ref.Ref,
      metrics: 'alarms',
    } satisfies ForwarderEnvironment);
    expect(forward.Environment.Variables).toEqual({
      COLLECTOR: expect.anything(),
      POWERTOOLS_SERVICE_NAME: 'SentinelOneCollector',
    });
  });

  const rights = (made: Template) => {
    const { log } = forwarder(made);
    const { cursors, ledger, queue, deadLetterQueue, overflow } = shared(made);
    return [
      allow(['logs:CreateLogStream', 'logs:PutLogEvents'], log.arn),
      allow(['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'], queue.arn),
      allow('sqs:SendMessage', deadLetterQueue.arn),
      allow('s3:GetObject', { 'Fn::Join': ['', [overflow.arn, '/*']] }),
      allow('s3:ListBucket', overflow.arn),
      allow('secretsmanager:GetSecretValue', secretNamed('signal-client/analytics-??????')),
      allow('dynamodb:UpdateItem', cursors.arn, {
        Condition: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['#analytics'] } },
      }),
      allow('dynamodb:UpdateItem', ledger.arn),
    ];
  };

  test('may take messages, bury them, read one secret and write its own status, and nothing else', () => {
    expect(forwarder(template).role).toEqual(roleThatMay('forward', rights(template)));
  });

  test('remembers accepted ids in a table of its own where it is told to', () => {
    const remembering = forwarding({ forwarder: { rememberAcceptedDays: 3 } });
    const table = accepted(remembering);
    expect(table).toMatchObject({
      BillingMode: 'PAY_PER_REQUEST',
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
      all: { DeletionPolicy: 'Delete' },
    });
    const { forward, role } = forwarder(remembering);
    expect(told(remembering, forward)).toMatchObject({ accepted: { table: table.ref.Ref, days: 3 } });
    expect(role).toEqual(
      roleThatMay('forward', [
        ...rights(remembering),
        allow(['dynamodb:BatchGetItem', 'dynamodb:BatchWriteItem'], table.arn),
      ]),
    );
    expect(() => collector({ analyticsUrl, forwarder: { rememberAcceptedDays: 3 } }).synth()).not.toThrow();
  });

  test('takes its settings', () => {
    const key = 'arn:aws:kms:eu-west-1:111122223333:key/1';
    const secret = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:team/analytics-AbCdEf';
    const made = forwarding({
      analyticsUrl: 'https://analytics.example.com:8443/witfoo/api',
      forwarder: { secretId: secret, concurrency: 5 },
      secretArns: [key],
    });
    const { forward, role, source } = forwarder(made);
    expect(told(made, forward)).toMatchObject({
      analyticsUrl: 'https://analytics.example.com:8443/witfoo/api',
      secretId: secret,
    });
    expect(source.ScalingConfig).toEqual({ MaximumConcurrency: 5 });
    const statements = role?.Policies[0].PolicyDocument.Statement;
    expect(statements).toContainEqual(allow('secretsmanager:GetSecretValue', secret));
    expect(statements).toContainEqual(
      allow('kms:Decrypt', key, {
        Condition: { StringEquals: { 'kms:ViaService': ['secretsmanager.eu-west-1.amazonaws.com'] } },
      }),
    );
  });
});

describe('every role', () => {
  test('has the boundary and the path that the settings name', () => {
    const permissionsBoundaryArn = 'arn:aws:iam::111122223333:policy/team/boundary';
    const made = collected({ roles: { permissionsBoundaryArn, path: '/security/' } });
    const roles = Object.values(made.findResources('AWS::IAM::Role'));
    expect(roles.length).toBeGreaterThan(3);
    for (const { Properties } of roles)
      expect(Properties).toMatchObject({ PermissionsBoundary: permissionsBoundaryArn, Path: '/security/' });
  });

  test('has neither by default', () => {
    expect(JSON.stringify(collected().findResources('AWS::IAM::Role'))).not.toMatch(
      /PermissionsBoundary|"Path"/,
    );
  });
});

test('the version is an output, and a tag of every function', () => {
  const template = collected();
  const { Value: version } = template.findOutputs('Version').Version ?? {};
  expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  for (const { Properties } of Object.values(template.findResources('AWS::Lambda::Function')))
    expect(Properties.Tags).toEqual([{ Key: 'sentinelone-collector:version', Value: version }]);
});

describe('the way out', () => {
  const analyticsUrl = 'https://analytics.example.com';
  const variablesOf = (template: Template) =>
    Object.values(template.findResources('AWS::Lambda::Function')).map(
      ({ Properties }) => Properties.Environment.Variables,
    );
  const ca = join(folder, 'ca.pem');
  beforeAll(() => writeFileSync(ca, certificate));

  test("is the functions' own unless a proxy or a private CA is set", () => {
    const names = ['NODE_USE_ENV_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'NODE_EXTRA_CA_CERTS'];
    for (const variables of variablesOf(collected({ analyticsUrl }))) {
      for (const name of names) expect(variables).not.toHaveProperty(name);
    }
  });

  test('is the proxy for every function, except to where there is none', () => {
    const found = variablesOf(
      collected({
        analyticsUrl,
        proxy: { url: 'http://proxy.example.com:3128', except: ['.amazonaws.com', '10.0.0.5'] },
      }),
    );
    expect(found).toHaveLength(streams.length + 3);
    for (const variables of found) {
      expect(variables).toMatchObject({
        NODE_USE_ENV_PROXY: '1',
        HTTPS_PROXY: 'http://proxy.example.com:3128',
        NO_PROXY: '.amazonaws.com,10.0.0.5',
      });
    }
  });

  test('trusts the CA for every function, wherever Lambda unpacks it', () => {
    const found = variablesOf(collected({ analyticsUrl, caFile: ca }));
    expect(found).toHaveLength(streams.length + 3);
    for (const variables of found) expect(variables.NODE_EXTRA_CA_CERTS).toBe('/var/task/ca.pem');
  });

  test('brings the certificates of the file, and nothing else that is in it', () => {
    writeFileSync(ca, `a note\n${certificate}-----BEGIN PRIVATE KEY-----\nMIIC\n-----END PRIVATE KEY-----\n`);
    const app = new CollectorApp({ context: { caFile: ca }, outdir: mkdtempSync(join(folder, 'out-')) });
    const brought = readFileSync(join(app.code, 'ca.pem'), 'utf8');
    rmSync(app.code, { recursive: true });
    expect(brought).toBe(certificate);
  });

  test.each([
    ['is not there', undefined, "but that file can't be read (ENOENT)"],
    ['holds no certificate', 'hello', 'but no PEM certificate is in there'],
    [
      'holds a damaged one',
      () => `${certificate}-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n`,
      "but certificate 2 of the 2 in there can't be read",
    ],
  ])('refuses a CA file that %s', (_, text, problem) => {
    const file = join(folder, `${problem}.pem`);
    if (text !== undefined) writeFileSync(file, typeof text === 'string' ? text : text());
    const sentence = `The setting caFile is ${JSON.stringify(file)}, ${problem}.`;
    expect(() => collector({ caFile: file })).toThrow(new SettingsError(sentence));
  });
});

describe('settings', () => {
  const secret = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:team/console-AbCdEf';
  const secrets = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:team/*';
  const keys = [
    'arn:aws:kms:eu-west-1:111122223333:key/1',
    'arn:aws:kms:us-east-1:111122223333:key/2',
    'arn:aws:kms:us-east-1:111122223333:key/3',
  ];
  let template: Template;

  beforeAll(() => {
    template = collected({
      stackName: 'Team',
      allowedHostSuffixes: ['.sentinelone.net', '.s1.example.com'],
      secretArns: [secret, ...keys, secrets],
      reservedConcurrency: false,
      overlapMinutes: 15,
      requestsPerSecond: { threats: 1.5 },
      quietHours: { threats: 5, agents: 0 },
      metrics: 'per-instance',
      logRetentionDays: 30,
    });
  });

  test.each(streams)('reach the function for $name', (stream) => {
    const { poll, log } = own(template, stream.name, 'Team');
    expect(poll).not.toHaveProperty('ReservedConcurrentExecutions');
    expect(log.RetentionInDays).toBe(30);
    const { quietMs, ...others } = told(template, poll);
    expect(others).toMatchObject({
      allowedHostSuffixes: ['.sentinelone.net', '.s1.example.com'],
      overlapMs: 900_000,
      requestsPerSecond: stream.name === 'threats' ? 1.5 : stream.requestsPerSecond,
      furtherRuns: true,
      metrics: 'per-instance',
    } satisfies Partial<PollerEnvironment>);
    const hoursOf: Record<string, number> = { threats: 5, activities: 96 };
    const hours = hoursOf[stream.name];
    expect(quietMs).toBe(hours && hours * 3_600_000);
  });

  test('let a stream run more often, and all that judges its health know it', () => {
    const made = collected({ cadenceMinutes: { threats: 1, agents: 30 }, analyticsUrl: 'https://a.example' });
    const threats = own(made, 'threats');
    expect(threats.rule.ScheduleExpression).toBe('rate(1 minute)');
    expect(threats.poll).toMatchObject({
      Timeout: 54,
      Description: 'Polls SentinelOne threats every 1 minute',
    });
    expect(told(made, threats.poll)).toMatchObject({ cadenceMinutes: 1 });
    expect(only(made, 'AWS::Lambda::EventInvokeConfig', { FunctionName: threats.poll.ref })).toMatchObject({
      MaximumEventAgeInSeconds: 60,
    });
    expect(own(made, 'agents').rule.ScheduleExpression).toBe('rate(30 minutes)');
    expect(own(made, 'agents').poll.Timeout).toBe(840);
    expect(told(made, own(made, 'activities').poll)).not.toHaveProperty('cadenceMinutes');
    const cadenceMinutes = { threats: 1, agents: 30 };
    const { Value: rules } = made.findOutputs('HealthRules').HealthRules ?? {};
    expect(JSON.parse(String(rules))).toMatchObject({ cadenceMinutes });
    const tiles = only(made, 'AWS::Lambda::Function', { Handler: 'widget.handler' });
    expect(told(made, tiles)).toMatchObject({ cadenceMinutes });
    // One failed minute is no alarm.
    const periodOf = (name: string) =>
      JSON.stringify(only(made, 'AWS::CloudWatch::Alarm', { AlarmName: `SentinelOneCollector-${name}` }));
    expect(periodOf('threats-not-running')).toContain('"Period":300');
    expect(periodOf('agents-not-running')).toContain('"Period":1800');
  });

  test.each(streams)('grant further secrets and their keys to the function for $name', (stream) => {
    const { Statement: statements } = own(template, stream.name, 'Team').role.Policies[0].PolicyDocument;
    expect(statements).toHaveLength(9);
    expect(statements[5]).toEqual({
      Effect: 'Allow',
      Action: 'secretsmanager:GetSecretValue',
      Resource: [secret, secrets, secretNamed('signal-client/sentinelone/*')],
    });
    expect(statements[6]).toEqual({
      Effect: 'Allow',
      Action: 'kms:Decrypt',
      Resource: keys,
      Condition: {
        StringEquals: {
          'kms:ViaService': [
            'secretsmanager.eu-west-1.amazonaws.com',
            'secretsmanager.us-east-1.amazonaws.com',
          ],
        },
      },
    });
  });

  test.each(streams)(
    'let the function for $name start further runs of itself, where there may be several',
    (stream) => {
      const { Statement: statements } = own(template, stream.name, 'Team').role.Policies[0].PolicyDocument;
      expect(statements.at(-1)).toEqual({
        Effect: 'Allow',
        Action: 'lambda:InvokeFunction',
        Resource: functionNamed(`Team-${stream.name}`),
      });
    },
  );
});

describe('synthesis', () => {
  test.each([
    ['an open queue', 'AwsSolutions-SQS4', (app: CollectorApp) => new Queue(app.stack, 'Planted')],
    [
      'a role that may do anything',
      'AwsSolutions-IAM5[Action::s3:*]',
      (app: CollectorApp) =>
        new Role(app.stack, 'Planted', {
          assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
        }).addToPolicy(new PolicyStatement({ actions: ['s3:*'], resources: ['*'] })),
    ],
    [
      'a property that CloudFormation refuses',
      'MemorySize: 1 is less than the minimum',
      (app: CollectorApp) => {
        const [poll] = app.stack.node
          .findAll()
          .filter((node) => node.node.path.endsWith('Function/Resource'));
        (poll as CfnFunction).memorySize = 1;
      },
    ],
  ])('fails on %s', (_, finding, plant) => {
    const app = collector();
    plant(app);
    expect(() => app.synth()).toThrow(finding);
  });
});

const allow = (Action: string | string[], Resource: unknown, condition: object = {}) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...condition,
});

const roleThatMay = (PolicyName: string, Statement: object[]) => ({
  AssumeRolePolicyDocument: {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'lambda.amazonaws.com' } },
    ],
  },
  Policies: [{ PolicyName, PolicyDocument: { Version: '2012-10-17', Statement } }],
});

const functionNamed = (name: string) => arnNamed('lambda', `function:${name}`);
const secretNamed = (name: string) => arnNamed('secretsmanager', `secret:${name}`);

const arnNamed = (service: string, name: string) => ({
  'Fn::Join': [
    '',
    [
      'arn:',
      { Ref: 'AWS::Partition' },
      `:${service}:`,
      { Ref: 'AWS::Region' },
      ':',
      { Ref: 'AWS::AccountId' },
      `:${name}`,
    ],
  ],
});

const tlsOnly = (Action: string, Resource: unknown) => ({
  Effect: 'Deny',
  Principal: { AWS: '*' },
  Action,
  Resource,
  Condition: { Bool: { 'aws:SecureTransport': 'false' } },
});
