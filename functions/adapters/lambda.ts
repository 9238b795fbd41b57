import type { Shard, Shards } from '../core/ports.ts';
import { clientConfig } from './aws.ts';

/** What a further run of a function is invoked with: its rule's event, and whom it polls. */
export interface ShardEvent {
  /** ISO 8601: the tick. */
  readonly time: string;
  readonly instances: readonly string[];
}

/** Further runs of the function itself. Its client is rarely needed, so it is loaded with the first shard. */
export function furtherRuns(FunctionName: string): Shards {
  const loading = async () => {
    const { InvokeCommand, LambdaClient } = await import('@aws-sdk/client-lambda');
    return { client: new LambdaClient(clientConfig), InvokeCommand };
  };
  let loaded: ReturnType<typeof loading> | undefined;
  return {
    async handOver(shard) {
      loaded ??= loading();
      const { client, InvokeCommand } = await loaded;
      const Payload = JSON.stringify(eventOf(shard));
      await client.send(new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload }));
    },
  };
}

function eventOf({ instances, scheduledAt }: Shard): ShardEvent {
  return { time: new Date(scheduledAt).toISOString(), instances };
}
