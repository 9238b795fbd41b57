import { text } from 'node:stream/consumers';
import { MisconfiguredError } from '../functions/errors.ts';
import { readToken } from '../functions/instances/token.ts';
import { UsageError } from './errors.ts';

/** The token from a hidden prompt or, where nobody types, from standard input. It is in no argument and no variable. */
export async function askToken(): Promise<string> {
  const given = process.stdin.isTTY
    ? await hidden('API token (it is not shown): ')
    : await text(process.stdin);
  try {
    return readToken(given, '');
  } catch (error) {
    if (!(error instanceof MisconfiguredError)) throw error;
    throw new UsageError(
      given.trim() === ''
        ? 'there is no token: type it at the prompt, or send it to standard input'
        : 'what came in is no API token',
    );
  }
}

const enter = new Set(['\r', '\n', '\u0004']);
const rubout = new Set(['\u007f', '\b']);
const interrupt = '\u0003';

function hidden(prompt: string): Promise<string> {
  const { stdin, stderr } = process;
  // Before the prompt: what is typed the moment it appears would be shown otherwise.
  stdin.setRawMode(true).setEncoding('utf8').resume();
  stderr.write(prompt);
  return new Promise((resolve, reject) => {
    let typed = '';
    const end = (settle: () => void) => {
      stdin.off('data', take).setRawMode(false).pause();
      stderr.write('\n');
      settle();
    };
    const take = (keys: string) => {
      for (const key of keys) {
        if (key === interrupt) return end(() => reject(new UsageError('interrupted')));
        if (enter.has(key)) return end(() => resolve(typed));
        typed = rubout.has(key) ? typed.slice(0, -1) : typed + key;
      }
    };
    stdin.on('data', take);
  });
}
