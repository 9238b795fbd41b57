import { type FunctionOptions, type LocalFunction, startFunction } from './function.ts';

/** A function without reserved concurrency: if all processes are busy, an invocation starts another one. */
export async function startConcurrent(options: FunctionOptions): Promise<LocalFunction> {
  const all: LocalFunction[] = [await startFunction(options)];
  return {
    async invoke(event, requestId) {
      const idle = all.find(({ busy }) => !busy);
      if (idle !== undefined) return idle.invoke(event, requestId);
      const started = await startFunction(options);
      all.push(started);
      return started.invoke(event, requestId);
    },
    get busy() {
      return all.some(({ busy }) => busy);
    },
    isFull: false,
    get pid() {
      return all.find(({ busy, pid }) => busy && pid !== undefined)?.pid ?? all[0]?.pid;
    },
    stop() {
      for (const one of all) one.stop();
    },
  };
}
