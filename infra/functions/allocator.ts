/**
 * What the C library of every poller's Node is told: pages and messages of a few MB come and go, and by itself it would
 * keep what they leave. Less memory for the same work (docs/benchmarks.md).
 */
export const allocator = {
  /** One arena for all threads. */
  MALLOC_ARENA_MAX: '1',
  /** Bytes; what is larger goes back to the system once it is freed. */
  MALLOC_MMAP_THRESHOLD_: '131072',
} as const;
