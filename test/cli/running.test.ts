import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { announce, type RunningStack, running } from '../../cli/running.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'running-'));
  vi.stubEnv('TMPDIR', folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const stack = (pid: number, port: number) =>
  ({ pid, port, stackName: 'x', outputs: {}, endpoints: {}, credentials: {} }) as unknown as RunningStack;
/** A process that lives as long as the test. */
const other = () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  return { pid: child.pid ?? 0, [Symbol.dispose]: () => child.kill() };
};

test('one is found, and none once it has ended', async () => {
  const end = await announce(stack(process.pid, 8470));
  expect(await running(undefined)).toMatchObject({ port: 8470 });
  const [name = ''] = await readdir(folder);
  expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  await end();
  expect(await readdir(folder)).toEqual([]);
  await expect(running(undefined)).rejects.toThrow('npm start is not running');
});

test('two are told apart by the ports of their search pages', async () => {
  using second = other();
  await announce(stack(process.pid, 8470));
  await announce(stack(second.pid, 8472));
  await expect(running(undefined)).rejects.toMatchObject({
    message: '2 npm start are running, with their search pages at the ports 8470 and 8472',
    remedy: 'Choose one: --port 8470 or --port 8472',
  });
  expect(await running(8472)).toMatchObject({ pid: second.pid });
  await expect(running(9000)).rejects.toThrow('no npm start is running at port 9000');
});

test('one that is still starting is said to be, and does not hide one that is ready', async () => {
  using second = other();
  await announce({ pid: process.pid });
  await expect(running(undefined)).rejects.toMatchObject({
    message: 'npm start is still starting',
    remedy: 'Wait until it says Ready, then run this again.',
  });
  await announce(stack(second.pid, 8470));
  expect(await running(undefined)).toMatchObject({ pid: second.pid });
});

test('one that was killed, a link and what is no JSON are none', async () => {
  await announce(stack(process.pid, 8470));
  const [name = ''] = await readdir(folder);
  const text = await readFile(join(folder, name), 'utf8');
  await writeFile(join(folder, 'elsewhere'), text);
  await rm(join(folder, name));
  await symlink(join(folder, 'elsewhere'), join(folder, name));
  await expect(running(undefined)).rejects.toThrow('npm start is not running');
  await rm(join(folder, name));
  await writeFile(join(folder, name), '{');
  await chmod(join(folder, name), 0o600);
  await expect(running(undefined)).rejects.toThrow('npm start is not running');
  await announce(stack(2 ** 22 + 1, 8470));
  await expect(running(undefined)).rejects.toThrow('npm start is not running');
});
