import type { Message } from '../deliver/packing.ts';

/**
 * The JSON of a SendMessageBatch request, for as long as `use` takes.
 * @param entries by message, all but its body
 */
export async function withBatchBody<T>(
  QueueUrl: string,
  entries: readonly object[],
  batch: readonly Message[],
  use: (body: Uint8Array) => Promise<T>,
): Promise<T> {
  const buffer = buffers.pop() ?? Buffer.allocUnsafe(largestRequest);
  try {
    return await use(buffer.subarray(0, write(buffer, QueueUrl, entries, batch)));
  } finally {
    buffers.push(buffer);
  }
}

/** A batch has 1 MiB, of which each byte is escaped at most; the rest is for what is around the bodies. */
const largestRequest = 2 * 1024 * 1024 + 16 * 1024;

/** Used again: as garbage they would be most of what a long catch-up leaves. */
const buffers: Buffer[] = [];

/** Returns how many bytes it has written. */
function write(
  buffer: Buffer,
  QueueUrl: string,
  entries: readonly object[],
  batch: readonly Message[],
): number {
  let length = buffer.write(`{"QueueUrl":${JSON.stringify(QueueUrl)},"Entries":[`);
  for (const [i, { body }] of batch.entries()) {
    length += buffer.write(
      `${i > 0 ? ',' : ''}${JSON.stringify(entries[i]).slice(0, -1)},"MessageBody":"`,
      length,
    );
    buffer.set(body.escaped, length);
    length += body.escaped.length;
    length += buffer.write('"}', length);
  }
  length += buffer.write(']}', length);
  // A buffer takes what fits and says nothing: where it is full, something may be missing.
  if (length > buffer.length - 4) throw new Error('a batch is larger than SQS takes');
  return length;
}
