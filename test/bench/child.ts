import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A part of the stage in a process of its own, so that its work is not counted as the collector's. */
export interface Part<Ready, Ask, Answer> {
  /** What it said when it was ready. */
  readonly ready: Ready;
  ask(message: Ask): Promise<Answer>;
  stop(): void;
}

/** Starts `file` of this folder with one argument, as JSON; it says `ready` and answers each message by one. */
export async function startPart<Ready, Ask, Answer>(
  file: string,
  options: unknown,
): Promise<Part<Ready, Ask, Answer>> {
  const child: ChildProcess = fork(join(import.meta.dirname, file), [JSON.stringify(options)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const said = async () => {
    const [message] = await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => {
        throw new Error(`${file} exited with ${code}`);
      }),
    ]);
    return message;
  };
  const ready = (await said()) as Ready;
  let before: Promise<unknown> = Promise.resolve();
  return {
    ready,
    ask(message) {
      const answer = before.then(async () => {
        const answered = said();
        child.send(message as never);
        return (await answered) as Answer;
      });
      before = answer.catch(() => undefined);
      return answer;
    },
    stop() {
      child.disconnect();
    },
  };
}

/** The other side of `startPart`. */
export function serveAsPart<Ready, Ask, Answer>(
  ready: Ready,
  answer: (message: Ask) => Answer | Promise<Answer>,
): void {
  process.on('message', async (message) => {
    process.send?.(await answer(message as Ask));
  });
  process.once('disconnect', () => process.exit());
  process.send?.(ready);
}

/** The one argument that `startPart` gave. */
export function partOptions<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T;
}
