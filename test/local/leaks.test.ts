import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { paginateScan } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { activityText, agentText, ago, threatText } from '../fixtures/records.ts';
import { announceWorld, ended } from '../support/cli.ts';
import { LeakSearch } from '../support/leaks.ts';
import { readWalk } from '../support/readme-commands.ts';
import { startWorld, type World } from '../support/world.ts';

const root = join(import.meta.dirname, '..', '..');
/** Each is written otherwise wherever something is escaped. */
const tokens = {
  good: String.raw`first"of\all/the+tokens=%&?<good>`,
  another: String.raw`second"of\all/the+tokens=%&?<good>`,
  refused: String.raw`third"of\all/the+tokens=%&?<bad>`,
};
const written: Readonly<Record<string, string>> = {
  'token-of-a-simulated-console': tokens.good,
  'a-token-of-somebody-else': tokens.refused,
};

let world: World;
let folder: string;
const search = new LeakSearch(Object.values(tokens));
const codes: [line: string, code: number | null, expected: number][] = [];

/** The whole walk, with everything watched that it leaves a trace in. */
beforeAll(async () => {
  const host = 'usea1-hooli.sentinelone.net';
  const known = [{ token: tokens.good }, { token: tokens.another }];
  world = await startWorld({
    hosts: { [host]: { tokens: known }, 'apne1-initech.sentinelone.net': { tokens: known } },
  });
  const console = world.consoles.console(host);
  for (let minute = 1; minute < 110; minute++) console.put('activities', activityText(ago(minute)));
  console.put('threats', threatText(ago(9)));
  console.put('agents', agentText(ago(9)));
  folder = await mkdtemp(join(tmpdir(), 'leaks-'));
  await announceWorld(world, folder);
  await world.collector.addInstance(
    { instance: 'initech', host: 'apne1-initech.sentinelone.net' },
    tokens.refused,
  );
  for (const stream of ['threats', 'activities', 'agents']) await world.tick(stream);

  const stopped = new AbortController();
  const watching = search.processes(stopped.signal);
  const PATH = [join(process.execPath, '..'), process.env.PATH].join(delimiter);
  const steps = readWalk();
  for (const { line, code } of steps) {
    const shell = spawn('bash', [], {
      cwd: root,
      env: { PATH, TMPDIR: folder, HOME: folder },
      stdio: 'pipe',
    });
    shell.stdin.end(`${withTokens(line)}\n`);
    const run = await ended(shell);
    codes.push([line, run.code, code]);
    search.text('output', line, run.out + run.err);
    if (line.includes('replay')) await look();
  }
  await look();
  stopped.abort();
  await watching;
}, 600_000);
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

/** The tokens of the README are no secret. */
function withTokens(line: string): string {
  return line.replace(/echo ([\w-]+)/, (_, name) => `printf %s '${written[name]}'`);
}

/** Tables, messages, log lines and files, as they are now. */
async function look(): Promise<void> {
  const { outputs, aws } = world.collector;
  for (const TableName of [outputs.InstancesTableName, outputs.CursorsTableName])
    for await (const { Items = [] } of paginateScan({ client: aws.dynamodb }, { TableName }))
      for (const item of Items) search.text('item', String(TableName), readable(item));
  for (const message of await world.collector.receive())
    search.text('message', 'queue', JSON.stringify(message));
  for (const line of world.lines) search.text('log', line.slice(0, 60), line);
  search.files(folder);
}

/** Binary attributes as the bytes that they are. */
function readable(item: object): string {
  return JSON.stringify(item, (_, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
  );
}

test('the walk went as it should', () => {
  for (const [line, code, expected] of codes) expect([line, code]).toEqual([line, expected]);
});

test('no token is in logs, process list, environment, tables, messages, files or answers', () => {
  expect(search.leaks).toEqual([]);
});

test('all of these were really looked at', () => {
  const kinds = ['log', 'cmdline', 'environ', 'item', 'message', 'file', 'output'];
  for (const kind of kinds) expect([kind, search.seen.get(kind) ?? 0]).not.toEqual([kind, 0]);
});

describe('a planted leak is found', () => {
  const found = (kind: string, text: string) => {
    const own = new LeakSearch([tokens.good]);
    own.text(kind, 'planted', text);
    return own.leaks.map(({ form }) => form);
  };

  test.each([
    ['plain', `authorization: ApiToken ${tokens.good}`],
    ['JSON-escaped', JSON.stringify({ token: tokens.good })],
    ['JSON-escaped twice', JSON.stringify({ message: JSON.stringify({ token: tokens.good }) })],
    ['URL-escaped', `https://x/?token=${encodeURIComponent(tokens.good)}`],
    ['as a form has it', new URLSearchParams({ token: tokens.good }).toString()],
    ['base64 at 0', Buffer.from(tokens.good).toString('base64')],
    ['base64 at 0', Buffer.from(`abc${tokens.good}!`).toString('base64')],
    ['base64 at 1', Buffer.from(`a${tokens.good}!`).toString('base64')],
    ['base64 at 2', Buffer.from(`ApiToken.. ${tokens.good}!`).toString('base64')],
    ['base64url at 0', Buffer.from(tokens.good).toString('base64url')],
  ])('%s', (form, text) => {
    expect(found('log', text)).toContain(form);
  });

  test('in a file', async () => {
    const planted = await mkdtemp(join(tmpdir(), 'planted-'));
    await writeFile(join(planted, 'npm.log'), `argv "add" "${tokens.good}"`);
    const own = new LeakSearch([tokens.good]);
    own.files(planted);
    await rm(planted, { recursive: true });
    expect(own.leaks).toEqual([{ where: `file ${join(planted, 'npm.log')}`, form: 'plain' }]);
  });

  test('in a process’s arguments and in its environment', async () => {
    const own = new LeakSearch([tokens.good]);
    const stopped = new AbortController();
    const watching = own.processes(stopped.signal);
    const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)', tokens.good], {
      env: { SENTINELONE_API_TOKEN: tokens.good },
    });
    while (own.leaks.length < 2) await sleep(10);
    child.kill('SIGKILL');
    stopped.abort();
    await watching;
    expect(own.leaks.map(({ where }) => where)).toEqual(
      expect.arrayContaining([`cmdline ${child.pid}`, `environ ${child.pid}`]),
    );
  });
});
