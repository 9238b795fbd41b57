import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordsFrom } from '../../../local/console/records-from.ts';
import { recordsIn } from '../../../local/scenarios.ts';
import { activity, at, endpoint, pagesOf, startConsole, threat } from './harness.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'records-'));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (name: string, content: string | Buffer) => writeFile(join(folder, `${name}.ndjson`), content);

describe('records from a folder', () => {
  it('are served byte for byte', async () => {
    const odd =
      '{"id" : "1", "n":100000000000000001,"createdAt":"2026-03-01T10:00:05Z","s":"\u2028\\u0041é\uffff", "e":1e400}';
    await write('activities', `\uFEFF${odd}\r\n\n  ${activity('2', at(1))}\n${activity('3', at(3))}`);
    const { sources, texts } = recordsFrom(folder);
    expect(texts).toEqual({
      threats: [],
      activities: [odd, activity('2', at(1)), activity('3', at(3))],
      agents: [],
      alerts: [],
      'rule-alerts': [],
    });

    const [source] = sources;
    const given = await startConsole(source ? { source } : {});
    const { body } = await given.ask('/activities', { sortBy: 'createdAt', skipCount: true });
    const [first, second] = [activity('2', at(1)), activity('3', at(3))];
    expect(body).toBe(`{"data":[${first},${second},${odd}],"pagination":{"nextCursor":null},"errors":null}`);
    let pages = 0;
    for await (const { data } of pagesOf(given.ask, '/activities', { limit: 1 })) pages += data.length;
    expect(pages).toBe(3);
    await given.close();
  });

  it('are served to no token but that of this start', async () => {
    await write('activities', activity('1', at(1)));
    const scenarios = [await recordsIn(folder), await recordsIn(folder)];
    const tokens = scenarios.flatMap(({ instances }) => instances.map(({ token }) => token));
    expect(new Set(tokens).size).toBe(2);
    for (const token of tokens) expect(token).toMatch(/^[\w-]{36}$/);
    for (const { close } of scenarios) await close();
  });

  it('know the oldest and the newest time that any listing would meet', async () => {
    await write('threats', threat('1', '2008-02-27T04:49:26.257525Z'));
    await write('agents', endpoint('2', at(5)));
    expect(recordsFrom(folder)).toMatchObject({
      oldestMs: Date.UTC(2008, 1, 27, 4, 49, 26, 257),
      newestMs: Date.parse(at(5)),
    });
  });

  it('may be none', () => {
    const source = recordsFrom(folder);
    expect(source.texts).toEqual({
      threats: [],
      activities: [],
      agents: [],
      alerts: [],
      'rule-alerts': [],
    });
    expect(source).not.toHaveProperty('oldestMs');
  });

  it('are left out, by line, where they repeat the id and time of an earlier line', async () => {
    await write('threats', [threat('1', at(1)), threat('1', at(2)), threat('1', at(1))].join('\n'));
    await write(
      'activities',
      [activity('1', at(1)), '', activity('1', at(1)), activity('1', at(1))].join('\n'),
    );
    const { texts, repeats, sources } = recordsFrom(folder);
    expect(texts).toMatchObject({
      threats: [threat('1', at(1)), threat('1', at(2))],
      activities: [activity('1', at(1))],
    });
    expect(repeats).toEqual([
      `${folder}/threats.ndjson, line 3: repeats line 1 of threats.ndjson (the same id and time)`,
      `${folder}/activities.ndjson, line 3: repeats line 1 of activities.ndjson (the same id and time)`,
      `${folder}/activities.ndjson, line 4: repeats line 1 of activities.ndjson (the same id and time)`,
    ]);
    expect(sources).toHaveLength(1);
  });

  it('are on a console of their own where activities of other times have the same id', async () => {
    const lines = Array.from({ length: 52 }, (_, i) => activity('1', at(i)));
    await write('activities', lines.join('\n'));
    const { texts, sources, unserved } = recordsFrom(folder);
    expect(sources).toHaveLength(50);
    expect(texts.activities).toEqual(lines.slice(0, 50));
    expect(unserved).toEqual([
      `${folder}/activities.ndjson, line 51: its id is in more than 50 lines`,
      `${folder}/activities.ndjson, line 52: its id is in more than 50 lines`,
    ]);
    const served = sources.map((source) => {
      const texts: string[] = [];
      source.start({ put() {}, add: (_, text) => void texts.push(text), remove() {} }, 0);
      return texts;
    });
    expect(served).toEqual(lines.slice(0, 50).map((line) => [line]));
  });

  it('are named by line where they can’t be served, and the others are served', async () => {
    const good = endpoint('1', at(1));
    const bytes = Buffer.concat([
      Buffer.from(`${good}\n\n{"id":\n[1]\nnull\n`),
      Buffer.from([0x22, 0xff, 0x22]),
      Buffer.from(`\n${endpoint('2', at(1))}`),
    ]);
    await write('agents', bytes);
    const { texts, unserved } = recordsFrom(folder);
    expect(texts.agents).toEqual([good, endpoint('2', at(1))]);
    expect(unserved).toEqual([
      expect.stringMatching(/agents\.ndjson, line 3: not JSON: /),
      expect.stringMatching(/agents\.ndjson, line 4: not a JSON object$/),
      expect.stringMatching(/agents\.ndjson, line 5: not a JSON object$/),
      expect.stringMatching(/agents\.ndjson, line 6: not UTF-8$/),
    ]);
  });
});
