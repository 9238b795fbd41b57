import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { Shard, Shards } from '../collect/shards.ts';
import { clientConfig } from './aws.ts';

/** What a further run of a function is invoked with: its rule's event, and whom it polls. */
export interface ShardEvent {
  /** ISO 8601: the tick. */
  readonly time: string;
  readonly instances: readonly string[];
}

/** Further runs of the function itself. */
export function furtherRuns(FunctionName: string): Shards {
  // Its own instances wait meanwhile. The SDK tries up to three times.
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
