import type { InstanceRules } from '../instances/instance.ts';
import type { Stream } from '../streams/stream.ts';

/** Constants that no operator needs to set, with the reason for each value. */
export const limits = {
  /** SQS bills and throttles by request. Four messages of 250 KiB fill one batch of 1 MiB. */
  messageBytes: 250 * 1024,
  /**
   * Versions remembered per instance and stream. They take about 280 KB of the 400 KB that a DynamoDB item may have.
   */
  memoryEntries: 20_000,
  /** One run polls 200 instances well within its timeout. Further runs poll the others. */
  instancesPerRun: 200,
  /** A poll mostly waits. 40 concurrent polls use the processor fully, and 512 MB hold their pages. */
  instancesAtOnce: 40,
  /** With one page of 1,000 records per turn, an instance waits for at most one page of each other instance. */
  pagesPerTurn: 1,
  /** One million records of an instance, more than the rate limit allows within the timeout of a run. */
  pagesPerRun: 1000,
  /** A page that takes longer than a minute is requested again with half as many records. */
  pageTimeoutMs: 60_000,
  /** Five times what 100,000 agents that change every hour send in a day. */
  dayArtifacts: 12_000_000,
  /** 32 GiB of records cost less than a dollar in SQS. */
  dayBytes: 32 * 2 ** 30,
  /** One request an hour counts the last one, and one that of a day ago; after an outage more hours are waiting. 0: none. */
  hoursPerPoll: 12,
  /** What a console has that is not collected changes slowly: four requests a day; 0 asks for nothing. */
  coverageMs: 24 * 60 * 60 * 1000,
} as const;

/** A run that is short, because its stream has a short cadence, must have time to request a page again with half as many records. */
export function pageTimeoutMsOf({ timeoutSeconds }: Stream): number {
  return Math.min(limits.pageTimeoutMs, (timeoutSeconds * 1000) / 3);
}

export interface Settings extends Readonly<Record<keyof typeof limits, number>> {
  readonly instanceRules: InstanceRules;
  /** A larger page is requested again with half as many records. */
  readonly pageBytes: number;
  /** How far before the position each listing reads again, because records can become visible late. */
  readonly overlapMs: number;
  /** Whether the forwarder is deployed. */
  readonly forwards: boolean;
  /** Whether each change of state is an artifact of its own. */
  readonly healthArtifacts: boolean;
  readonly requestsPerSecond: number;
  /** A stream without a record for this time is quiet; absent: never. */
  readonly quietMs?: number;
}
