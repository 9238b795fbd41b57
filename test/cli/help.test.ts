import { describe, expect, test } from 'vitest';
import { streams } from '../../functions/streams/list.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { type Ended, ended, spawnCli } from '../support/cli.ts';

const cli = (...args: readonly string[]): Promise<Ended> => ended(spawnCli(args, {}));
const help = await cli('--help');
const names = [...(help.out.split('Commands:\n')[1] ?? '').matchAll(/^ {2}(\w+) .*$/gm)]
  .map(([, name = '']) => name)
  .filter((name) => !/^\d|help/.test(name));

describe('help', () => {
  test('lists the commands', () => {
    expect(names).toEqual(expect.arrayContaining(['status', 'add', 'rotate', 'discover', 'completion']));
    expect(help).toMatchObject({ code: 0, err: '' });
  });

  test.each(['', ...names, 'dlq list', 'dlq redrive'])(
    'of %s fits 80 columns and has the global options',
    async (name) => {
      const { code, out } = await cli(...name.split(' ').filter(Boolean), '--help');
      expect(code).toBe(0);
      expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
      for (const option of ['--local', '--json', '--region <region>', '--stack <name>', '--version'])
        expect(out).toContain(option);
      // A default in milliseconds, or an object.
      expect(out).not.toMatch(/default: (\d{4,}|\[object)/);
    },
  );

  test('is the same by both ways to ask for it', async () => {
    expect(await cli('help', 'tail')).toEqual(await cli('tail', '--help'));
  });

  test('loads neither a client of AWS nor the options of a command', async () => {
    const hooks = `import { registerHooks } from 'node:module';
registerHooks({ load: (url, context, next) => (process.stderr.write(url + '\\n'), next(url, context)) });`;
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(hooks)}`;
    const { err } = await ended(spawnCli(['--help'], { NODE_OPTIONS }));
    expect(err).toContain('/cli/program.ts');
    expect(err).not.toMatch(/@aws-sdk|commands\/|valibot|csv-/);
  });
});

test('--version is that of the package', async () => {
  expect(await cli('--version')).toEqual({ code: 0, out: `${packageJson.version}\n`, err: '' });
});

describe('usage errors', () => {
  test.each([
    [['stats'], "unknown command 'stats'\n(Did you mean status?)", 'See: collector --help'],
    [['add', 'x'], "required option '--host <host>' not specified", 'See: collector add --help'],
    [
      ['rotate', 'a', 'b'],
      "too many arguments for 'rotate'. Expected 1 argument but got 2.",
      'See: collector rotate --help',
    ],
    [
      ['tail', '--since', 'x'],
      "option '--since <span>' argument 'x' is invalid. It must be a duration such as 30m, 2h or 7d.",
      'See: collector tail --help',
    ],
    [['test'], 'test needs the names of instances, --all, or --host HOST', 'See: collector test --help'],
    [
      ['completion', 'csh'],
      "command-argument value 'csh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish.",
      'See: collector completion --help',
    ],
  ])('%j are 2, as text or JSON', async (args, error, remedy) => {
    expect(await cli(...args)).toEqual({ code: 2, out: '', err: `${error}\n→ ${remedy}\n` });
    const { code, out, err } = await cli(...args, '--json');
    expect({ code, err, out: JSON.parse(out) }).toEqual({ code: 2, err: '', out: { error, remedy } });
  });
});

describe('completion', () => {
  test.each(['bash', 'zsh', 'fish'])('has a script for %s', async (shell) => {
    const { code, out } = await cli('completion', shell);
    expect(code).toBe(0);
    expect(out).toContain('complete -- ');
  });

  test('completes commands, options and choices, with no value that an option already has', async () => {
    const words = async (...args: readonly string[]) =>
      (await cli('complete', '--', ...args)).out.trim().split('\n');
    expect(await words()).toEqual(expect.arrayContaining(['status', 'rotate', '--local']));
    expect(await words()).not.toContain('complete');
    expect(await words('add')).toEqual(expect.arrayContaining(['--host', '--sites', '--region']));
    expect(await words('replay', 'acme', '--stream')).toEqual(streams.map(({ name }) => name));
    expect(await words('dlq')).toEqual(expect.arrayContaining(['list', 'redrive']));
    expect(await words('completion')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
  });
});
