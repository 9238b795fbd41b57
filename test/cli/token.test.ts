import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ended, spawnCli } from '../support/cli.ts';

const root = join(import.meta.dirname, '..', '..');
/** A host that no name server knows. */
const host = 'usea1-acme.invalid';
const elsewhere = ['test', '--host', host, '--suffix', '.invalid'];

/** The command at a terminal, which `script` gives it; answers what the terminal showed. */
async function typed(keys: string): Promise<string> {
  const command = [process.execPath, join(root, 'cli', 'main.ts'), ...elsewhere].join(' ');
  const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    if (!shown.includes('is hidden') && (shown + more).includes('is hidden')) child.stdin.write(keys);
    shown += more;
  });
  await once(child, 'close');
  return shown;
}

test('a token that is typed is not shown', async () => {
  const shown = await typed('sek\u007fcret-token\r');
  expect(shown).toContain('API token for usea1-acme.invalid (input is hidden)');
  expect(shown).toContain('FAILED');
  expect(shown).not.toMatch(/sek|cret/);
});

test('a host is checked before its token is asked for', async () => {
  const run = await ended(spawnCli(['test', '--host', 'usea1-acme.example.com'], {}));
  expect(run).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^--host must end in \.sentinelone\.net/),
  });
  expect(run.err).not.toContain('token');
});

test('nothing typed, or Ctrl-C, ends it without a token', async () => {
  expect(await typed('\r')).toContain('no token given');
  expect(await typed('abc\u0003')).toContain('interrupted');
});

test('where nobody types it comes from standard input, and is no argument', async () => {
  expect(await ended(spawnCli(elsewhere, {}, 'a-token\n'))).toMatchObject({ code: 3, err: '' });
  expect(await ended(spawnCli(elsewhere, {}, 'two words'))).toMatchObject({
    code: 2,
    err: 'not a valid token: it contains a space\n→ See: collector test --help\n',
  });
  expect(await ended(spawnCli(elsewhere, {}, '\uFEFF"a-token"\r\n'))).toMatchObject({ code: 3, err: '' });
  const ofAnother = '{"apiKey":"a-token","host":"usea1-hooli.example.com"}';
  expect(await ended(spawnCli(elsewhere, {}, ofAnother))).toMatchObject({
    code: 2,
    err: 'this token belongs to another host than usea1-acme.invalid, and is not sent there\n→ See: collector test --help\n',
  });
  expect(await ended(spawnCli([...elsewhere, '--token', 'x'], {}))).toMatchObject({ code: 2 });
});
