import type { SentinelOne } from '../console/api.ts';
import type { Overflow, Queue } from '../deliver/ports.ts';
import type { State } from '../errors.ts';
import type { Instances, Secrets } from '../instances/ports.ts';
import type { Clock } from '../kit/clock.ts';
import type { AuditResult, FailedAudit } from './audit.ts';
import type { Cursors } from './cursors.ts';
import type { Shards } from './shards.ts';

/** What the collector needs of the world. Every adapter, and every fake, is held to one contract suite. */
export interface Ports {
  readonly sentinelone: SentinelOne;
  readonly instances: Instances;
  readonly cursors: Cursors;
  readonly secrets: Secrets;
  readonly queue: Queue;
  readonly overflow: Overflow;
  readonly shards: Shards;
  readonly clock: Clock;
  /** Told as soon as an instance is done with, so that a killed run has said what it knew. */
  readonly report: (outcome: Outcome) => void;
}

/** What a run did for one instance. */
export interface Outcome {
  readonly instance: string;
  readonly stream: string;
  readonly state: State;
  readonly pages: number;
  readonly artifacts: number;
  /** Versions that the memory's bound cost: they come again, with the same ids. */
  readonly forgotten: number;
  /** Host or filters changed: it starts again from the look-back, and what was delivered before comes again. */
  readonly restarted: boolean;
  readonly position: string | undefined;
  /** How far the position is behind now; undefined where there is none yet. */
  readonly lagSeconds: number | undefined;
  readonly durationMs: number;
  /** The listing reached its end. */
  readonly caughtUp: boolean;
  /** Undefined where none was due. */
  readonly audit: AuditResult | FailedAudit | undefined;
  readonly error: { readonly name: string; readonly message: string; readonly remedy: string } | undefined;
}
