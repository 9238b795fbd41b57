import type { InstanceRules } from '../instances/instance.ts';

/** What the operator sets when deploying. */
export interface Settings {
  readonly instanceRules: InstanceRules;
  /** How far before the position each listing reads again: records become visible late. */
  readonly overlapMs: number;
  /** Versions remembered for one instance and stream. */
  readonly memoryEntries: number;
  /** UTF-8 bytes that messages are filled up to. */
  readonly messageBytes: number;
  /** To one console. */
  readonly requestsPerSecond: number;
  /** Instances that are due beyond so many are handed to further runs. */
  readonly instancesPerRun: number;
  /** Instances polled side by side. */
  readonly instancesAtOnce: number;
  /** For one instance, before another that waits has its turn. */
  readonly pagesPerTurn: number;
  /** For one instance. */
  readonly pagesPerRun: number;
  /** A page that takes longer is asked for again with half as many records. */
  readonly pageTimeoutMs: number;
  /** Between two audits of one instance and stream; 0: none. */
  readonly auditMs: number;
  /** A stream that brings nothing for longer is worth a word; absent: however long. */
  readonly quietMs?: number;
}
