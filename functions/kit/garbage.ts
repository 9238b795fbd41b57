/**
 * Collects garbage if buffers take more than `mostBytes`. By itself Node waits until those that are no longer used take
 * as much memory as a small function has. Lambda starts Node with `--expose-gc`.
 */
export function collectBuffers(mostBytes: number): void {
  if (process.memoryUsage().arrayBuffers > mostBytes) globalThis.gc?.();
}
