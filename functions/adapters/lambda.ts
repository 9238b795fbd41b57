import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Shard, Shards } from '../core/ports.ts';

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
      const { status } = await fetch(url, { method: 'POST', headers: signed.headers, body, signal });
      if (status !== 202) throw new Error(`Lambda answers ${status} to a further run of ${functionName}`);
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

/** With the function's own credentials, as Lambda sets them. */
function signer(): SignatureV4 {
  const {
    AWS_REGION = '',
    AWS_ACCESS_KEY_ID = '',
    AWS_SECRET_ACCESS_KEY = '',
    AWS_SESSION_TOKEN,
  } = process.env;
  return new SignatureV4({
    service: 'lambda',
    region: AWS_REGION,
    credentials: {
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      ...(AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }),
    },
    sha256: Sha256,
  });
}

type Data = string | ArrayBuffer | ArrayBufferView;

class Sha256 {
  readonly #hash;

  constructor(secret?: Data) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(data: Data): void {
    this.#hash.update(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {}
}

function bytesOf(data: Data): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
