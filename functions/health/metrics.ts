/** The CloudWatch namespace of the collector's own metrics. */
export const namespace = 'SentinelOneCollector';

/**
 * Which metrics are sent: those that alarms watch, and these only while something is wrong; all; or all, and by instance.
 * CloudWatch bills each metric by the hours in which it is sent.
 */
export const metricSets = ['alarms', 'full', 'per-instance'] as const;
export type MetricSet = (typeof metricSets)[number];

/** The collector's own metrics and their units. Functions send them; alarms and the dashboard show them. */
export const units = {
  // Watched by alarms.
  TokenProblems: 'Count',
  PollProblems: 'Count',
  InstancesQuiet: 'Count',
  Lag: 'Seconds',
  RecordsMissing: 'Count',
  HoursNotChecked: 'Count',
  // All others.
  Artifacts: 'Count',
  Pages: 'Count',
  PollsCompleted: 'Count',
  PollsFailed: 'Count',
  Instances: 'Count',
  InstancesNotReached: 'Count',
  LateShards: 'Count',
  Lateness: 'Seconds',
  InstancesRed: 'Count',
  InstancesYellow: 'Count',
  TokensRejected: 'Count',
  InstancesFailing: 'Count',
  InstancesSilent: 'Count',
  TokenExpiryDays: 'None',
  Forwarded: 'Count',
  ForwardRepeats: 'Count',
  ForwardDeadLettered: 'Count',
  ForwardRequests: 'Count',
  ForwardFailed: 'Count',
  ForwardLag: 'Seconds',
} as const;

export type MetricName = keyof typeof units;
