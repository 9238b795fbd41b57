import type { Accepted } from './analytics/search.ts';

/** Compares the delivered records byte for byte with the expected ones, including how often each was delivered. */
export function compare(
  accepted: readonly Accepted[],
  expected: Readonly<Record<string, readonly string[]>>,
): { readonly unchanged: number; readonly expected: number; readonly unexpected: number } {
  const open = new Map<string, number>();
  const keyOf = (stream: string, text: string) => `${stream} ${text}`;
  for (const [stream, texts] of Object.entries(expected)) {
    for (const text of texts) open.set(keyOf(stream, text), (open.get(keyOf(stream, text)) ?? 0) + 1);
  }
  let unchanged = 0;
  for (const { raw, metadata } of accepted) {
    const key = keyOf(String(metadata.stream), raw);
    const left = open.get(key) ?? 0;
    if (left > 0) unchanged += 1;
    open.set(key, left - 1);
  }
  const total = Object.values(expected).reduce((sum, texts) => sum + texts.length, 0);
  return { unchanged, expected: total, unexpected: accepted.length - unchanged };
}
