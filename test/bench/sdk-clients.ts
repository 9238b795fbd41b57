/** The SDK clients that a poll needs, for what importing them costs by itself. */
export { DynamoDBClient } from '@aws-sdk/client-dynamodb';
export { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
export { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
export {
  BatchGetCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  paginateScan,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
