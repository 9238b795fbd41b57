import { text } from 'node:stream/consumers';
import { MisconfiguredError } from '../functions/errors.ts';
import { boundHost, readToken } from '../functions/instances/token.ts';
import { UsageError } from './errors.ts';

/** Reads the token of a host from a hidden prompt, or from standard input if that is not a terminal. */
export async function askToken(host: string): Promise<string> {
  const given = process.stdin.isTTY
    ? await hidden(`API token for ${host} (input is hidden): `)
    : await text(process.stdin);
  const bound = boundHost(given);
  if (bound !== undefined && bound !== host)
    throw new UsageError(`this token belongs to another host than ${host}, and is not sent there`);
  try {
    return readToken(given, '');
  } catch (error) {
    if (!(error instanceof MisconfiguredError)) throw error;
    throw new UsageError(
      given.trim() === ''
        ? 'no token given: type it at the prompt, or send it to standard input'
        : `not a valid token: ${problemIn(error)}`,
    );
  }
}

/** Removes the name of the secret, because there is none yet. */
const problemIn = ({ message }: MisconfiguredError) => message.replace(/^secretId: the secret … /, 'it ');

const enter = new Set(['\r', '\n', '\u0004']);
const rubout = new Set(['\u007f', '\b']);
const interrupt = '\u0003';

function hidden(prompt: string): Promise<string> {
  const { stdin, stderr } = process;
  // Raw mode starts before the prompt appears, so that nothing typed at once is echoed.
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
