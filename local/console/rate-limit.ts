/** Says whether one more request fits: `burst` at once, `perSecond` in the long run. */
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
