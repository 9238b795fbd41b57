import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordsFrom } from '../../../local/console/records-from.ts';
import { activity, at, endpoint, pagesOf, startConsole, threat } from './harness.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'records-'));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (name: string, content: string | Buffer) => writeFile(join(folder, `${name}.ndjson`), content);

describe('records from a folder', () => {
  it('are served byte for byte, two with one id as two', async () => {
    const odd =
      '{"id" : "1", "n":100000000000000001,"createdAt":"2026-03-01T10:00:05Z","s":"\u2028\\u0041é\uffff", "e":1e400}';
    await write('activities', `${odd}\r\n\n  ${activity('2', at(1))}\n${activity('2', at(3))}`);
    const source = recordsFrom(folder);
    expect(source.texts).toEqual({
      threats: [],
      activities: [odd, activity('2', at(1)), activity('2', at(3))],
      agents: [],
    });

    const given = await startConsole({ source });
    const { body } = await given.ask('/activities', { sortBy: 'createdAt', skipCount: true });
    const [first, second] = [activity('2', at(1)), activity('2', at(3))];
    expect(body).toBe(`{"data":[${first},${second},${odd}],"pagination":{"nextCursor":null},"errors":null}`);
    let pages = 0;
    for await (const { data } of pagesOf(given.ask, '/activities', { limit: 1 })) pages += data.length;
    expect(pages).toBe(3);
    await given.close();
  });

  it('know the oldest time that any listing would meet', async () => {
    await write('threats', threat('1', '2018-02-27T04:49:26.257525Z'));
    await write('agents', endpoint('2', at(5)));
    expect(recordsFrom(folder).oldestMs).toBe(Date.UTC(2018, 1, 27, 4, 49, 26, 257));
  });

  it('may be none', () => {
    const source = recordsFrom(folder);
    expect(source.texts).toEqual({ threats: [], activities: [], agents: [] });
    expect(source).not.toHaveProperty('oldestMs');
  });

  it('are refused by file and line when they are not JSON', async () => {
    await write('agents', `${endpoint('1', at(1))}\n\n{"id":`);
    expect(() => recordsFrom(folder)).toThrow(/agents\.ndjson, line 3/);
  });

  it('are refused when they are not UTF-8', async () => {
    await write('agents', Buffer.from([0x22, 0xff, 0x22]));
    expect(() => recordsFrom(folder)).toThrow();
  });
});
