import { type LocalAws, startAws } from '../../local/aws/aws.ts';
import type { Template } from '../../local/aws/template.ts';

const key = (...names: string[]) => ({
  KeySchema: names.map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? 'HASH' : 'RANGE' })),
  AttributeDefinitions: names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
  BillingMode: 'PAY_PER_REQUEST',
});

const template: Template = {
  Resources: {
    Instances: { Type: 'AWS::DynamoDB::Table', Properties: key('instance') },
    Cursors: { Type: 'AWS::DynamoDB::Table', Properties: key('instance', 'stream') },
    Ledger: { Type: 'AWS::DynamoDB::Table', Properties: key('instance', 'stream') },
    Accepted: { Type: 'AWS::DynamoDB::Table', Properties: key('id') },
    DeadLetters: { Type: 'AWS::SQS::Queue', Properties: {} },
    Artifacts: { Type: 'AWS::SQS::Queue', Properties: {} },
    Overflow: { Type: 'AWS::S3::Bucket', Properties: {} },
  },
  Outputs: {},
};

/** The AWS stand-ins, and this process's environment set so that the adapters find them. Load those afterwards. */
export async function startStandIns(): Promise<LocalAws> {
  const aws = await startAws(template);
  Object.assign(process.env, aws.environment, {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  });
  return aws;
}
