import type { ReplaySettings } from './collect/replay.ts';
import { type Environment, suffixes } from './environment.ts';
import type { InstanceRules } from './instances/instance.ts';
import type { Stream } from './streams/stream.ts';
import { reading } from './variables.ts';

/** What the stack sets and the operator function reads: every variable is text, as Lambda has it. */
export interface OperatorEnvironment
  extends Pick<
    Environment,
    | 'INSTANCES_TABLE'
    | 'CURSORS_TABLE'
    | 'ARTIFACT_QUEUE_URL'
    | 'OVERFLOW_BUCKET'
    | 'ALLOWED_HOST_SUFFIXES'
    | 'MESSAGE_KIB'
    | 'OVERLAP_MINUTES'
    | 'PAGE_TIMEOUT_SECONDS'
  > {
  /** A JSON object: what the pollers ask of one console, by stream. */
  readonly REQUESTS_PER_SECOND: string;
}

/** The environment as the operator function uses it. */
interface OperatorDeployment {
  readonly instanceRules: InstanceRules;
  /** For replays of one stream. */
  readonly settingsOf: (stream: Stream) => ReplaySettings;
  readonly instancesTable: string;
  readonly cursorsTable: string;
  readonly artifactQueueUrl: string;
  readonly overflowBucket: string;
}

/** Throws an Error that names the variable which is missing or wrong: the stack sets them all. */
export function readOperatorEnvironment(
  variables: Partial<OperatorEnvironment>,
  streams: readonly Stream[],
): OperatorDeployment {
  const { text, number } = reading<keyof OperatorEnvironment>(variables);
  const rates: Record<string, number> = JSON.parse(text('REQUESTS_PER_SECOND'));
  const settings = {
    instanceRules: {
      allowedHostSuffixes: suffixes(text('ALLOWED_HOST_SUFFIXES')),
      streams: streams.map(({ name }) => name),
    },
    overlapMs: number('OVERLAP_MINUTES') * 60_000,
    messageBytes: number('MESSAGE_KIB') * 1024,
    pageTimeoutMs: number('PAGE_TIMEOUT_SECONDS') * 1000,
  };
  return {
    instanceRules: settings.instanceRules,
    settingsOf: ({ name, requestsPerSecond }) => ({
      ...settings,
      requestsPerSecond: rates[name] ?? requestsPerSecond,
    }),
    instancesTable: text('INSTANCES_TABLE'),
    cursorsTable: text('CURSORS_TABLE'),
    artifactQueueUrl: text('ARTIFACT_QUEUE_URL'),
    overflowBucket: text('OVERFLOW_BUCKET'),
  };
}
