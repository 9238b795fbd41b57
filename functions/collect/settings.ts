import type { InstanceRules } from '../instances/instance.ts';

/** What no operator can judge, each with the reason for its value. */
export const limits = {
  /** SQS bills and throttles by request: four messages of 250 KiB fill one batch of 1 MiB. */
  messageBytes: 250 * 1024,
  /** Versions that are remembered for one instance and stream: some 280 KB of the 400 KB that a DynamoDB item may have. */
  memoryEntries: 20_000,
  /** One run polls 200 instances well within its timeout; further runs poll those beyond. */
  instancesPerRun: 200,
  /** Most of a poll is waiting: 40 side by side use the processor fully, and 512 MB hold their pages. */
  instancesAtOnce: 40,
  /** One page of 1,000 records per turn lets a quiet instance wait for no more than one page of each other. */
  pagesPerTurn: 1,
  /** A million records of one instance: more than the rate limit allows within one run's timeout. */
  pagesPerRun: 1000,
  /** A page that takes longer than a minute is requested again with half as many records. */
  pageTimeoutMs: 60_000,
  /** Five times what 100,000 agents that change every hour send in a day. */
  dayArtifacts: 12_000_000,
  /** 32 GiB of records: less than a dollar in SQS. */
  dayBytes: 32 * 2 ** 30,
  /** One audit a day for each instance and stream costs one request; 0 turns audits off. */
  auditMs: 24 * 60 * 60 * 1000,
} as const;

/** How a run polls. */
export interface Settings extends Readonly<Record<keyof typeof limits, number>> {
  readonly instanceRules: InstanceRules;
  /** A larger page is requested again with half as many records. */
  readonly pageBytes: number;
  /** How far before the position each listing reads again: records become visible late. */
  readonly overlapMs: number;
  /** To one console. */
  readonly requestsPerSecond: number;
  /** After this time without a record a stream is quiet; absent: never. */
  readonly quietMs?: number;
}
