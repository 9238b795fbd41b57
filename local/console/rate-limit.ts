/** A token bucket. Returns whether another request is allowed. */
export function createRateLimit(
  { perSecond, burst }: { perSecond: number; burst: number },
  monotonicMs: () => number,
): () => boolean {
  let left = burst;
  let countedAt = monotonicMs();
  return () => {
    const at = monotonicMs();
    left = Math.min(burst, left + ((at - countedAt) / 1000) * perSecond);
    countedAt = at;
    if (left < 1) return false;
    left -= 1;
    return true;
  };
}
