import { SQSClient } from '@aws-sdk/client-sqs';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Shard, Shards } from '../collect/shards.ts';
import { clientConfig } from './aws.ts';

/** What a further run of a function is invoked with: its rule's event, and whom it polls. */
export interface ShardEvent {
  /** ISO 8601: the tick. */
  readonly time: string;
  readonly instances: readonly string[];
}

const timeoutMs = 15_000;

/** Further runs of the function itself. One call alone is made, so the SDK's client of 90 KiB is not worth its weight. */
export function furtherRuns(functionName: string): Shards {
  return {
    async handOver(shard) {
      const url = new URL(`/2015-03-31/functions/${functionName}/invocations`, endpoint());
      const body = JSON.stringify(eventOf(shard));
      const headers = { host: url.host, 'x-amz-invocation-type': 'Event' };
      const signed = await signer().sign({
        method: 'POST',
        protocol: url.protocol,
        hostname: url.hostname,
        path: url.pathname,
        headers,
        body,
      });
      const signal = AbortSignal.timeout(timeoutMs);
      const { headers: sent } = signed;
      const answer = await fetch(url, { method: 'POST', headers: sent, body, signal, redirect: 'manual' });
      const words = await answer.text();
      if (answer.status !== 202) throw new Error(`Lambda answers ${answer.status}: ${words.slice(0, 300)}`);
    },
  };
}

function eventOf({ instances, scheduledAt }: Shard): ShardEvent {
  return { time: new Date(scheduledAt).toISOString(), instances };
}

function endpoint(): string {
  const { AWS_ENDPOINT_URL_LAMBDA: given, AWS_REGION: region = '' } = process.env;
  return given ?? `https://lambda.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

/** With the credentials and the region that every AWS client finds. */
function signer(): SignatureV4 {
  const { credentials, region, sha256 } = new SQSClient(clientConfig).config;
  return new SignatureV4({ service: 'lambda', region, credentials, sha256 });
}
