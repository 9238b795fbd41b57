/**
 * Gives each item a turn, `atOnce` side by side, in the order given; an item whose turn answers true has another
 * after all that wait. `contended` tells a running turn whether anyone waits. After an error, the turns under way
 * end and the first error is thrown.
 */
export async function inTurns<T>(
  items: readonly T[],
  atOnce: number,
  turn: (item: T, contended: () => boolean) => Promise<boolean>,
): Promise<void> {
  const waiting = [...items];
  const contended = () => waiting.length > 0;
  const stop = (error: unknown): never => {
    waiting.length = 0;
    throw error;
  };
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      if (await turn(item, contended).catch(stop)) waiting.push(item);
    }
  };
  const workers = Array.from({ length: Math.min(atOnce, items.length) }, worker);
  const failed = (await Promise.allSettled(workers)).find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}
