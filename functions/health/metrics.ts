/** The CloudWatch namespace of the collector's own metrics. */
export const namespace = 'SentinelOneCollector';

/** The collector's own metrics and their units. Functions send them; alarms and the dashboard show them. */
export const units = {
  Artifacts: 'Count',
  Pages: 'Count',
  PollsCompleted: 'Count',
  PollsFailed: 'Count',
  Audits: 'Count',
  AuditsFailed: 'Count',
  AuditMissing: 'Count',
  Instances: 'Count',
  InstancesNotReached: 'Count',
  LateShards: 'Count',
  InstancesRed: 'Count',
  InstancesYellow: 'Count',
  TokensRejected: 'Count',
  InstancesFailing: 'Count',
  InstancesSilent: 'Count',
  InstancesQuiet: 'Count',
  Lag: 'Seconds',
  TokenExpiryDays: 'None',
  TokensExpiring1: 'Count',
  TokensExpiring7: 'Count',
  TokensExpiring14: 'Count',
  Forwarded: 'Count',
  ForwardRepeats: 'Count',
  ForwardDeadLettered: 'Count',
  ForwardRequests: 'Count',
  ForwardFailed: 'Count',
  ForwardLag: 'Seconds',
} as const;

export type MetricName = keyof typeof units;
