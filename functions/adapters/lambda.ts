import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { Place, Shards } from '../collect/shards.ts';
import { clientConfig } from './aws.ts';

/** The event of a further run: the event of its schedule, and where it finds the instances to poll. */
export interface ShardEvent {
  /** ISO 8601: the scheduled time. */
  readonly time: string;
  readonly shard: Place;
}

/** Starts further runs of the function itself. */
export function furtherRuns(FunctionName: string): Pick<Shards, 'start'> {
  // The instances of this run wait for this call. The SDK tries up to three times.
  const requestHandler = { ...clientConfig.requestHandler, requestTimeout: 5_000 };
  const client = new LambdaClient({ ...clientConfig, requestHandler });
  return {
    async start(shard, scheduledAt) {
      const event: ShardEvent = { time: new Date(scheduledAt).toISOString(), shard };
      const Payload = JSON.stringify(event);
      const invoke = new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload });
      await client.send(invoke).catch((cause: unknown) => {
        throw new Error(`Lambda does not start ${FunctionName}: ${cause}`, { cause });
      });
    },
  };
}
