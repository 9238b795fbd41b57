import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A part of the stage in a process of its own, so that its work is not counted as the collector's. */
export interface Part<Ready, Ask, Answer> {
  /** What it said when it was ready. */
  readonly ready: Ready;
  ask(message: Ask): Promise<Answer>;
  stop(): void;
}

/** Starts `file` of this folder with options, in a file since there may be thousands of hosts; it says `ready` and answers each message by one. */
export async function startPart<Ready, Ask, Answer>(
  file: string,
  options: unknown,
): Promise<Part<Ready, Ask, Answer>> {
  const given = join(mkdtempSync(join(tmpdir(), 'bench-part-')), 'options.json');
  writeFileSync(given, JSON.stringify(options));
  const child: ChildProcess = fork(join(import.meta.dirname, file), [given], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  let expected = Promise.withResolvers<unknown>();
  child.on('message', (message) => expected.resolve(message));
  child.once('exit', (code) => expected.reject(new Error(`${file} exited with ${code}`)));
  const ready = (await expected.promise) as Ready;
  let before: Promise<unknown> = Promise.resolve();
  return {
    ready,
    ask(message) {
      const answer = before.then(async () => {
        expected = Promise.withResolvers();
        child.send(message as never);
        return (await expected.promise) as Answer;
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

/** The options that `startPart` gave. */
export function partOptions<T>(): T {
  const [, , file = ''] = process.argv;
  const options = readFileSync(file, 'utf8');
  rmSync(dirname(file), { recursive: true });
  return JSON.parse(options) as T;
}
