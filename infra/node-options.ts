/**
 * What every poller's Node is started with. Lambda's own choice for young objects, 5 % of the memory, makes a long catch-up
 * larger and hardly faster (docs/benchmarks.md).
 */
export const nodeOptions = '--max-semi-space-size=8';
