import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LocalAws, startAws } from '../../local/aws/aws.ts';
import type { Template } from '../../local/aws/template.ts';
import { account } from './account.ts';
import { type Gate, startGate } from './iam-gateway.ts';

const role = (...statements: object[]) => ({
  Type: 'AWS::IAM::Role',
  Properties: { Policies: [{ PolicyName: 'it', PolicyDocument: { Statement: statements } }] },
});
const allow = (Action: string, Resource: unknown, more = {}) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...more,
});
const lambda = (roleId: string) => ({
  Type: 'AWS::Lambda::Function',
  Properties: { FunctionName: roleId.toLowerCase(), Role: { 'Fn::GetAtt': [roleId, 'Arn'] } },
});
const bucketObjects = { 'Fn::Join': ['', [{ 'Fn::GetAtt': ['Bucket', 'Arn'] }, '/*']] };

const template: Template = {
  Resources: {
    Table: {
      Type: 'AWS::DynamoDB::Table',
      Properties: {
        KeySchema: [{ AttributeName: 'instance', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'instance', AttributeType: 'S' }],
        BillingMode: 'PAY_PER_REQUEST',
      },
    },
    Queue: { Type: 'AWS::SQS::Queue', Properties: {} },
    Closed: { Type: 'AWS::SQS::Queue', Properties: {} },
    ClosedPolicy: {
      Type: 'AWS::SQS::QueuePolicy',
      Properties: {
        PolicyDocument: {
          Statement: [
            {
              Effect: 'Deny',
              Action: 'sqs:*',
              Principal: '*',
              Resource: { 'Fn::GetAtt': ['Closed', 'Arn'] },
            },
          ],
        },
      },
    },
    Bucket: { Type: 'AWS::S3::Bucket', Properties: {} },
    Open: role(
      allow(
        'dynamodb:PutItem',
        { 'Fn::GetAtt': ['Table', 'Arn'] },
        {
          Condition: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['#mine'] } },
        },
      ),
      allow('sqs:SendMessage', '*'),
      allow('s3:GetObject', bucketObjects),
      allow('s3:PutObject', bucketObjects),
      allow('secretsmanager:GetSecretValue', {
        // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own.
        'Fn::Sub': 'arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:team/*',
      }),
    ),
    Lister: role(
      allow('s3:GetObject', bucketObjects),
      allow('s3:ListBucket', { 'Fn::GetAtt': ['Bucket', 'Arn'] }),
    ),
    OpenFunction: lambda('Open'),
    ListerFunction: lambda('Lister'),
  },
  Outputs: {},
};

let aws: LocalAws;
let gate: Gate;

const client = (who: string) => ({
  endpoint: gate.address,
  region: 'us-east-1',
  maxAttempts: 1,
  credentials: { ...aws.credentials, accessKeyId: who },
});

beforeAll(async () => {
  [aws, gate] = await Promise.all([startAws(template), startGate()]);
  gate.open(account(template), aws.environment);
});
afterAll(async () => {
  gate.close();
  await aws.close();
});

const put = (instance: string) =>
  new PutItemCommand({ TableName: 'Table', Item: { instance: { S: instance } } });

describe('the gate', () => {
  test('lets pass what the role allows, under its conditions', async () => {
    const dynamodb = new DynamoDBClient(client('open'));
    await dynamodb.send(put('#mine'));
    await expect(dynamodb.send(put('acme'))).rejects.toThrow(
      /^User: .* is not authorized to perform: dynamodb:PutItem on resource: arn:aws:dynamodb:.*table\/Table/,
    );
    const read = new GetItemCommand({ TableName: 'Table', Key: { instance: { S: '#mine' } } });
    await expect(dynamodb.send(read)).rejects.toMatchObject({ name: 'AccessDeniedException' });
    expect((await aws.dynamodb.send(read)).Item).toEqual({ instance: { S: '#mine' } });
  });

  test("obeys the denials of a resource's own policy", async () => {
    const sqs = new SQSClient(client('open'));
    const send = (queue: string) =>
      sqs.send(
        new SendMessageBatchCommand({
          QueueUrl: `${gate.address}/000000000000/${queue}`,
          Entries: [{ Id: '1', MessageBody: 'a' }],
        }),
      );
    expect((await send('Queue')).Successful).toHaveLength(1);
    await expect(send('Closed')).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  test('tells only those who may list a bucket that an object is not there', async () => {
    const Key = 'acme/threats/1.json';
    const missing = new GetObjectCommand({ Bucket: 'bucket', Key });
    const read = (who: string) => new S3Client(client(who)).send(missing);
    await expect(read('open')).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(read('lister')).rejects.toMatchObject({ name: 'NoSuchKey' });
    const body = 'ä'.repeat(3 * 1024 * 1024);
    await new S3Client(client('open')).send(new PutObjectCommand({ Bucket: 'bucket', Key, Body: body }));
    expect(await (await read('lister')).Body?.transformToString()).toBe(body);
  });

  test('knows a secret by its ARN, and the key that it is encrypted with', async () => {
    const secrets = new SecretsManagerClient(client('open'));
    const read = (SecretId: string) => secrets.send(new GetSecretValueCommand({ SecretId }));
    for (const name of ['team/one', 'team/keyed', 'others/one']) aws.secrets.put(name, 'a secret');
    gate.keys.set('team/keyed', 'arn:aws:kms:us-east-1:000000000000:key/1');
    expect((await read('team/one')).SecretString).toBe('a secret');
    await expect(read('others/one')).rejects.toMatchObject({ name: 'AccessDeniedException' });
    await expect(read('team/keyed')).rejects.toThrow(/kms:Decrypt/);
    // No policy names what does not exist.
    await expect(read('team/missing')).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  test('remembers who asked for what', () => {
    expect(gate.asked).toContainEqual(
      expect.objectContaining({
        who: 'lister',
        action: 's3:ListBucket',
        resource: 'arn:aws:s3:::bucket',
        allowed: true,
      }),
    );
    expect(gate.asked).toContainEqual(
      expect.objectContaining({ who: 'open', action: 'dynamodb:GetItem', allowed: false }),
    );
  });
});
