import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { Shard, Shards } from '../collect/shards.ts';
import { clientConfig } from './aws.ts';

/** The event of a further run: the event of its schedule, and the instances to poll. */
export interface ShardEvent {
  /** ISO 8601: the scheduled time. */
  readonly time: string;
  readonly instances: readonly string[];
}

/** Starts further runs of the function itself. */
export function furtherRuns(FunctionName: string): Shards {
  // The instances of this run wait for this call. The SDK tries up to three times.
  const requestHandler = { ...clientConfig.requestHandler, requestTimeout: 5_000 };
  const client = new LambdaClient({ ...clientConfig, requestHandler });
  return {
    async handOver(shard) {
      const Payload = JSON.stringify(eventOf(shard));
      const invoke = new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload });
      await client.send(invoke).catch((cause: unknown) => {
        throw new Error(`Lambda does not start ${FunctionName}: ${cause}`, { cause });
      });
    },
  };
}

function eventOf({ instances, scheduledAt }: Shard): ShardEvent {
  return { time: new Date(scheduledAt).toISOString(), instances };
}
