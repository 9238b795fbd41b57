import type { Message } from '@aws-sdk/client-sqs';

/** An artifact as it came, but for its record. */
export type Newest = Omit<Body['artifacts'][number], 'raw'>;

/** What a consumer made of the queue so far. */
export interface Arrivals {
  messages: number;
  newest: Newest | undefined;
  /** Raw records by `instance/stream`. */
  readonly raw: Map<string, string[]>;
}

interface Body {
  readonly artifacts: readonly {
    readonly raw: string;
    readonly timestamp?: string;
    readonly metadata: { readonly [key: string]: string };
  }[];
}

/** Adds messages to the arrivals; `overflow` fetches what was too large for the queue. */
export async function arrive(
  arrivals: Arrivals,
  messages: readonly Message[],
  overflow: (location: string) => Promise<string>,
): Promise<void> {
  for (const { Body = '' } of messages) {
    arrivals.messages += 1;
    for (const { raw, ...rest } of (JSON.parse(Body) as Body).artifacts) {
      const { metadata } = rest;
      arrivals.newest = rest;
      const key = `${metadata.instance}/${metadata.stream}`;
      const whole = metadata.rawLocation === undefined ? raw : await overflow(metadata.rawLocation);
      arrivals.raw.set(key, [...(arrivals.raw.get(key) ?? []), whole]);
    }
  }
}

export function countOf(arrivals: Arrivals, stream?: string): number {
  return [...arrivals.raw]
    .filter(([key]) => stream === undefined || key.endsWith(`/${stream}`))
    .reduce((sum, [, raw]) => sum + raw.length, 0);
}

/** How many of the expected texts arrived, byte for byte and each as often as it is expected; and what else did. */
export function compare(
  arrivals: Arrivals,
  expected: Readonly<Record<string, readonly string[]>>,
): { readonly unchanged: number; readonly expected: number; readonly unexpected: number } {
  let unchanged = 0;
  let arrived = 0;
  for (const [stream, texts] of Object.entries(expected)) {
    const open = new Map<string, number>();
    for (const text of texts) open.set(text, (open.get(text) ?? 0) + 1);
    for (const [key, raw] of arrivals.raw) {
      if (!key.endsWith(`/${stream}`)) continue;
      arrived += raw.length;
      for (const text of raw) {
        const left = open.get(text) ?? 0;
        if (left > 0) unchanged += 1;
        open.set(text, left - 1);
      }
    }
  }
  const total = Object.values(expected).reduce((sum, texts) => sum + texts.length, 0);
  return { unchanged, expected: total, unexpected: arrived - unchanged };
}
