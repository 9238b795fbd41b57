import { describe, expect, it } from 'vitest';
import { streams } from '../../../functions/streams/list.ts';
import { choose, type KnownStatus, readChoice, type Tile, tileOf } from '../../../functions/tiles/tiles.ts';
import {
  ago,
  all,
  fiveHundred,
  healthy,
  type Known,
  known,
  now,
  refused,
  three,
} from '../../fixtures/fleet.ts';

const minute = 60_000;
const day = 24 * 60 * minute;

const tile = ({ record, status }: Known): Tile =>
  tileOf(record, streams, (stream): KnownStatus => status[stream], now);

describe('a tile', () => {
  it('shows the worst of the streams in front', () => {
    const status = all(healthy(), { activities: { ...healthy(), state: 'backlogged' }, agents: refused });
    expect(tile(known('acme', status))).toMatchObject({
      level: 'red',
      word: 'unauthorized',
      streams: [
        { stream: 'threats', level: 'green', word: 'ok' },
        { stream: 'activities', level: 'yellow', word: 'backlogged' },
        {
          stream: 'agents',
          level: 'red',
          word: 'unauthorized',
          error: refused.lastError,
          remedy: refused.remedy,
        },
      ],
    });
  });

  it('is pending where nothing was polled yet', () => {
    expect(tile(known('acme', {}))).toMatchObject({
      level: 'yellow',
      word: 'pending',
      lastPollAt: undefined,
    });
  });

  it('is grey where the instance is off, whatever its streams were before', () => {
    expect(tile(known('acme', all(refused), { enabled: false }))).toMatchObject({
      level: 'grey',
      word: 'disabled',
      lagMs: undefined,
      streams: [{ level: 'grey', error: undefined }, {}, {}],
    });
  });

  it('leaves out a stream that is not wanted', () => {
    const tiled = tile(
      known('acme', all(healthy(), { agents: refused }), { streams: ['threats', 'activities'] }),
    );
    expect(tiled).toMatchObject({ level: 'green', word: 'ok' });
    expect(tiled.streams[2]).toMatchObject({ stream: 'agents', level: 'grey', word: 'disabled' });
  });

  it('that was switched on again waits for its first poll', () => {
    expect(tile(known('acme', all({ ...healthy(), state: 'disabled' })))).toMatchObject({ word: 'pending' });
  });

  it('does not stay green when nobody polls any more', () => {
    const nextPollAt = (minutes: number) => ago(minutes * minute);
    const threats = (minutes: number) =>
      tile(known('acme', all(healthy(), { threats: { ...healthy(), nextPollAt: nextPollAt(minutes) } })));
    expect(threats(10)).toMatchObject({ level: 'green' });
    expect(threats(11)).toMatchObject({ level: 'red', word: 'overdue' });
    expect(threats(11).streams[0]?.remedy).toMatch(/Not running/);
    const agents = all(healthy(), { agents: { ...healthy(), nextPollAt: nextPollAt(119) } });
    expect(tile(known('acme', agents))).toMatchObject({ level: 'green' });
  });

  it('keeps saying what was wrong when nobody polls any more', () => {
    const stale = { ...refused, nextPollAt: ago(day) };
    expect(tile(known('acme', all(stale))).streams[0]).toMatchObject({
      word: 'unauthorized',
      error: refused.lastError,
    });
  });

  it('turns yellow before its token expires', () => {
    const expires = (days: number) =>
      tile(known('acme', all({ ...healthy(), tokenExpiresAt: ago(-days * day) })));
    expect(expires(15)).toMatchObject({ level: 'green', word: 'ok', tokenExpires: false });
    expect(expires(14)).toMatchObject({ level: 'yellow', word: 'token expires', tokenExpires: true });
    expect(tile(known('acme', all({ ...refused, tokenExpiresAt: ago(1) })))).toMatchObject({
      word: 'unauthorized',
      tokenExpires: true,
    });
  });

  it('is behind now, or where it is well, as of its last poll', () => {
    const position = `${ago(60 * minute).slice(0, -1)}000Z`;
    const at = (status: object) => tile(known('acme', all({ ...healthy(10), position, ...status }))).lagMs;
    expect(at({})).toBe(50 * minute);
    expect(at({ state: 'unreachable' })).toBe(60 * minute);
    expect(at({ position: '1970-01-01T00:00:00.000000Z' })).toBeUndefined();
  });

  it('takes for no time what is none', () => {
    const odd = tile(
      known('acme', all({ ...healthy(), lastPollAt: 'May 5', tokenExpiresAt: '5', position: 'x' })),
    );
    expect(odd).toMatchObject({ lastPollAt: undefined, tokenExpiresAt: undefined, lagMs: undefined });
  });
});

describe('a choice', () => {
  const tiles = fiveHundred.map(tile);
  const chosen = (choice: Record<string, unknown>) => choose(tiles, readChoice(choice));

  it('shows problems first unless asked otherwise', () => {
    const order = chosen({}).map(({ level }) => level);
    const ranks = order.map((level) => ['red', 'yellow', 'green', 'grey'].indexOf(level));
    expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
    expect(order).toHaveLength(500);
  });

  it('finds by name, host, state and error, in capitals or not', () => {
    expect(chosen({ find: 'ACME-260' }).map(({ instance }) => instance)).toEqual(['acme-260']);
    expect(chosen({ find: 'usea1-hooli-094.' })).toHaveLength(1);
    expect(chosen({ find: 'enotfound' }).every(({ word }) => word === 'unreachable')).toBe(true);
    expect(chosen({ find: ' Unauthorized ' }).length).toBeGreaterThan(3);
    expect(chosen({ find: 'nobody' })).toEqual([]);
  });

  it('shows only problems, or one colour', () => {
    const levels = (choice: Record<string, unknown>) => new Set(chosen(choice).map(({ level }) => level));
    expect(levels({ show: 'problems' })).toEqual(new Set(['red', 'yellow']));
    for (const show of ['red', 'yellow', 'green', 'grey']) expect(levels({ show })).toEqual(new Set([show]));
  });

  it('sorts by what is asked for', () => {
    const first = (sort: string) => chosen({ sort })[0];
    expect(first('name')?.instance).toBe('acme-000');
    const lags = chosen({ sort: 'lag' }).map(({ lagMs }) => lagMs ?? -1);
    expect(lags).toEqual(lags.toSorted((a, b) => b - a));
    expect(first('token')?.tokenExpiresAt).toBeDefined();
    const [never] = choose([...tiles, tile(known('new', {}))], readChoice({ sort: 'last poll' }));
    expect(never?.instance).toBe('new');
  });

  it('is the usual one where a form holds nonsense', () => {
    const usual = { find: '', show: 'all', sort: 'worst' };
    expect(readChoice({})).toEqual(usual);
    expect(readChoice({ find: 5, show: 'toString', sort: '__proto__' })).toEqual(usual);
    expect(readChoice({ find: 'x'.repeat(999) }).find).toHaveLength(200);
  });

  it('is the same for three', () => {
    expect(choose(three.map(tile), readChoice({})).map(({ instance }) => instance)).toEqual([
      'initech',
      'acme',
      'globex',
    ]);
  });
});
