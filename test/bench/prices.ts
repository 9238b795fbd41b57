/**
 * What AWS charges in us-east-1, in US dollars without any free tier: the public price pages of Lambda, DynamoDB, SQS, Secrets
 * Manager, CloudWatch, S3 and EventBridge, as they stood in 2025 and 2026 (DynamoDB's since November 2024). Look them up
 * again before you rely on a sum.
 */
export const prices = {
  region: 'us-east-1',
  asOf: '2026-01',
  lambdaGbSecond: 0.000_013_333_4, // arm64
  lambdaRequest: 0.2e-6,
  dynamodbWriteUnit: 0.625e-6, // on demand
  dynamodbReadUnit: 0.125e-6,
  sqsRequest: 0.4e-6, // standard queues, for each 64 KiB of a call
  secret: 0.4, // a month
  secretsManagerCall: 0.05 / 10_000,
  logsGb: 0.5, // ingestion
  metric: 0.3, // custom, a month
  alarmMetric: 0.1, // a month, for each metric that an alarm looks at
  compositeAlarm: 0.5, // a month
  dashboard: 3, // a month
  key: 1, // of KMS, a month
  s3Put: 0.005 / 1000,
  tableGb: 0.25 + 0.2, // a month, with point-in-time recovery
  logsStoredGb: 0.03, // a month, compressed
  logsReadGb: 0.005, // by a query
  email: 2 / 100_000,
  scheduledEvent: 0, // rules of the default event bus
} as const;

/** What each account has free of charge, always: the price page of CloudWatch. */
export const freeTier: Readonly<Record<string, number>> = {
  'custom metrics': 10,
  alarms: 10,
  // Each with up to 50 metrics.
  dashboard: 3,
};

/** Lambda gives a function one whole core at so many MB, and of it what its memory is of that. */
export const coreMb = 1769;
