import type { Settings } from './collect/settings.ts';
import type { Stream } from './streams/stream.ts';
import { reading } from './variables.ts';

/** What the stack sets and the entry reads: every variable is text, as Lambda has it. */
export interface Environment {
  /** Which stream this function polls. */
  readonly STREAM: string;
  readonly INSTANCES_TABLE: string;
  readonly CURSORS_TABLE: string;
  readonly ARTIFACT_QUEUE_URL: string;
  readonly OVERFLOW_BUCKET: string;
  /** Comma-separated; a console's host must end in one of them. */
  readonly ALLOWED_HOST_SUFFIXES: string;
  readonly MESSAGE_KIB: string;
  readonly OVERLAP_MINUTES: string;
  /** Record versions remembered for one instance and stream. */
  readonly MEMORY_ENTRIES: string;
  readonly REQUESTS_PER_SECOND: string;
  /** Instances that one run polls; further runs poll the others. */
  readonly INSTANCES_PER_RUN: string;
  /** Instances polled side by side in one run. */
  readonly INSTANCES_AT_ONCE: string;
  /** Pages that one instance gets before another that waits has its turn. */
  readonly PAGES_PER_TURN: string;
  /** Pages that one instance gets in one run. */
  readonly PAGES_PER_RUN: string;
  /** Before a page is asked for again with half as many records. */
  readonly PAGE_TIMEOUT_SECONDS: string;
  /** Between two audits of one instance and stream; 0: none. */
  readonly AUDIT_HOURS: string;
  /** After which a stream that brings nothing is unusual; 0: never. */
  readonly QUIET_HOURS: string;
  /** `true` counts by instance as well. */
  readonly PER_INSTANCE_METRICS: string;
}

/** What the stack sets for the widget. */
export interface WidgetEnvironment extends Pick<Environment, 'INSTANCES_TABLE' | 'CURSORS_TABLE'> {
  /** JSON, as in the stack output `HealthRules`. */
  readonly HEALTH_RULES: string;
}

/** The environment as the entry uses it. */
export interface Deployment {
  readonly stream: Stream;
  readonly settings: Settings;
  readonly instancesTable: string;
  readonly cursorsTable: string;
  readonly artifactQueueUrl: string;
  readonly overflowBucket: string;
  readonly perInstanceMetrics: boolean;
}

/** Throws an Error that names the variable which is missing or wrong: the stack sets them all. */
export function readEnvironment(variables: Partial<Environment>, streams: readonly Stream[]): Deployment {
  const { text, number } = reading<keyof Environment>(variables);
  const stream = streams.find(({ name }) => name === text('STREAM'));
  if (stream === undefined) throw new Error(`environment variable STREAM names no stream: ${text('STREAM')}`);
  return {
    stream,
    settings: {
      instanceRules: {
        allowedHostSuffixes: suffixes(text('ALLOWED_HOST_SUFFIXES')),
        streams: streams.map(({ name }) => name),
      },
      overlapMs: number('OVERLAP_MINUTES') * 60_000,
      memoryEntries: number('MEMORY_ENTRIES'),
      messageBytes: number('MESSAGE_KIB') * 1024,
      requestsPerSecond: number('REQUESTS_PER_SECOND'),
      instancesPerRun: number('INSTANCES_PER_RUN', 1),
      instancesAtOnce: number('INSTANCES_AT_ONCE'),
      pagesPerTurn: number('PAGES_PER_TURN'),
      pagesPerRun: number('PAGES_PER_RUN'),
      pageTimeoutMs: number('PAGE_TIMEOUT_SECONDS') * 1000,
      auditMs: number('AUDIT_HOURS', 0) * 3_600_000,
      ...quiet(number('QUIET_HOURS', 0)),
    },
    instancesTable: text('INSTANCES_TABLE'),
    cursorsTable: text('CURSORS_TABLE'),
    artifactQueueUrl: text('ARTIFACT_QUEUE_URL'),
    overflowBucket: text('OVERFLOW_BUCKET'),
    perInstanceMetrics: text('PER_INSTANCE_METRICS') === 'true',
  };
}

/** No hours at all switch it off. */
function quiet(hours: number): Pick<Settings, 'quietMs'> {
  return hours > 0 ? { quietMs: hours * 3_600_000 } : {};
}

/** An empty suffix, or one without its dot, would let tokens go to hosts that nobody meant. */
export function suffixes(list: string): string[] {
  const found = list.toLowerCase().split(',');
  if (!found.every((suffix) => /^\.[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(suffix))) {
    throw new Error(
      'environment variable ALLOWED_HOST_SUFFIXES is not a list of suffixes such as .sentinelone.net',
    );
  }
  return found;
}
