import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/**
 * Gives the memory of a buffer back to the system, without waiting for garbage collection. The buffer and all views of it
 * are empty afterwards. Nothing may write to it or read it any more, zlib included. Small buffers share their memory, so
 * they are left alone.
 */
export function free({ buffer }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) buffer.transfer(0);
}

/** Holds what is new while a few pages are read. */
const youngBytes = 16 * 1024 * 1024;

/**
 * Keeps the heap's space for new objects from growing further, once it has `youngBytes`. Lambda lets it grow to three
 * times 5 % of the function's memory, but a larger one saves no time here: docs/adr/0036-memory-is-given-back.md.
 */
export function limitYoungHeap(): void {
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  if (young !== undefined && young.space_size >= youngBytes)
    setFlagsFromString('--semi-space-growth-factor=1');
}
