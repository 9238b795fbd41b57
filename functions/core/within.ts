import type { Clock } from './clock.ts';

/** Throws where the operation takes longer than `ms`; it may come to its end all the same. */
export async function within<T>(ms: number, operation: () => Promise<T>, clock: Clock): Promise<T> {
  const done = new AbortController();
  const late = async () => {
    await clock.sleep(ms, done.signal);
    throw new Error(`it takes longer than ${Math.round(ms / 1000)} s`);
  };
  try {
    return await Promise.race([operation(), late()]);
  } finally {
    done.abort();
  }
}
