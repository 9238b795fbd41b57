import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { activities } from '../../../functions/streams/activities.ts';
import { addDrift, driftAfter, driftFinder, driftNews } from '../../../functions/streams/drift.ts';
import { streams } from '../../../functions/streams/list.ts';
import { threats } from '../../../functions/streams/threats.ts';
import { strange } from '../../fixtures/given.ts';

const day = 24 * 60 * 60 * 1000;
const now = Date.UTC(2026, 2, 1, 12);
const info = (fields: object) =>
  ({ id: '7', threatInfo: { ...fields } }) as Parameters<typeof threats.metadata>[0];
const found = (...names: string[]) => new Map(names.map((name, i) => [name, i + 1]));

describe('what a mapping does not know of a record', () => {
  const find = driftFinder(
    { 'info.status': ['open', 'done'], kind: (value) => /^[ab]/.test(value) },
    { list: 'list' },
  );

  it.each([
    [
      'known values, in any case and with spaces',
      { info: { status: ' Open' }, kind: 'apple', list: [] },
      undefined,
    ],
    ['nothing there', {}, undefined],
    ['null, and the words for no value', { info: { status: null }, kind: 'N/A', list: null }, undefined],
    ['a new value', { info: { status: 'frozen' } }, ['info.status=frozen']],
    ['a value that its function does not know', { kind: 'cherry' }, ['kind=cherry']],
    [
      'another type',
      { info: { status: 7 }, kind: ['a'], list: 'x' },
      ['info.status:number', 'kind:list', 'list:text'],
    ],
    ['a parent of another type', { info: 'open' }, undefined],
    [
      'control characters and more than is shown',
      { kind: `x\u001b[2J\n${'y'.repeat(99)}` },
      [`kind=x??2J?${'y'.repeat(34)}`],
    ],
    [
      'a value longer than any',
      { info: { status: `open${' '.repeat(1000)}` } },
      [`info.status=open${' '.repeat(36)}`],
    ],
  ])('is %s', (_, record, expected) => {
    expect(find(record)).toEqual(expected);
    // A value that was found before is found again.
    expect(find(record)).toEqual(expected);
  });

  it('is, for threats, what the vendor adds', () => {
    expect(threats.drift?.(info({ mitigationStatus: 'quarantined', confidenceLevel: 'Malicious' }))).toEqual([
      'threatInfo.mitigationStatus=quarantined',
    ]);
    for (const classification of ['Trojan', 'Linux.Malware', 'Malicious Office Document', 'Undefined', ''])
      expect(threats.drift?.(info({ classification })), classification).toBeUndefined();
    expect(threats.drift?.(info({ classification: 'Wiper', engines: 'Static AI' }))).toEqual([
      'threatInfo.classification=Wiper',
      'threatInfo.engines:text',
    ]);
    expect(activities.drift?.({ activityType: '18', data: [] })).toEqual(['activityType:text', 'data:list']);
  });

  it.each(streams.map((stream) => [stream.name, stream] as const))(
    'is found in %s of any form',
    (_, stream) => {
      fc.assert(
        fc.property(strange, (record) => {
          for (const name of stream.drift?.(record) ?? [])
            expect(name).toMatch(/^[\w.]{1,80}[=:][\w .:/?-]{0,40}$/);
        }),
      );
    },
  );

  it('remembers a bounded number of spellings, and knows the others as well', () => {
    const find = driftFinder({ kind: () => true });
    for (let i = 0; i < 1000; i++) expect(find({ kind: `kind ${i}` })).toBeUndefined();
  });
});

describe('what is counted of it', () => {
  it('is kept by name for the day, and reported once when the day is over', () => {
    const news = new Map<string, number>();
    addDrift(news, [{ drift: ['a=x', 'b:list'] }, {}, { drift: ['a=x'] }]);
    const first = driftAfter(undefined, news, now);
    expect(first).toEqual({
      drift: { day: '2026-03-01', counts: { 'a=x': 2, 'b:list': 1 }, before: {} },
      drifted: undefined,
    });
    const second = driftAfter(first.drift, found('a=x'), now + 1000);
    expect(second).toMatchObject({ drift: { counts: { 'a=x': 3, 'b:list': 1 } }, drifted: undefined });
    const third = driftAfter(second.drift, new Map(), now + day);
    expect(third.drifted).toEqual({
      day: '2026-03-01',
      news: ['a has a new value: x (3 records)', 'b has a new type: list (1 record)'],
    });
    expect(driftNews(third.drift)).toEqual(third.drifted?.news);
    const fourth = driftAfter(third.drift, found('a=x'), now + day + 1000);
    expect(fourth.drifted).toBeUndefined();
    expect(driftNews(fourth.drift)).toContain('a has a new value: x (4 records)');
  });

  it('ends two days after it was last seen, and takes no room before', () => {
    expect(driftAfter(undefined, new Map(), now)).toEqual({ drift: undefined, drifted: undefined });
    const { drift } = driftAfter(undefined, found('a=x'), now);
    const next = driftAfter(drift, new Map(), now + day);
    expect(next.drift).toBeDefined();
    expect(driftAfter(next.drift, new Map(), now + 2 * day)).toEqual({
      drift: undefined,
      drifted: undefined,
    });
  });

  it('is no more than twenty names, and the number of the others', () => {
    const names = Array.from({ length: 300 }, (_, i) => ({ drift: [`kind=${String(i).padStart(35, 'x')}`] }));
    const news = new Map<string, number>();
    addDrift(news, names);
    const first = driftAfter(undefined, news, now).drift;
    const { drift } = driftAfter(
      first,
      found(...names.slice(20, 50).map((one) => `other=${one.drift[0]?.slice(5)}`)),
      now,
    );
    expect(Object.keys(drift?.counts ?? {})).toHaveLength(21);
    expect(JSON.stringify(drift).length).toBeLessThan(1500);
    expect(driftNews(drift)[0]).toMatch(/^other fields have new values \(\d+ records\)$/);
    const sum = Object.values(drift?.counts ?? {}).reduce((a, b) => a + b, 0);
    expect(sum).toBe(300 + (30 * 31) / 2);
  });

  it('is nothing where the item holds anything else', () => {
    fc.assert(
      fc.property(
        fc.oneof(strange, fc.record({ day: fc.constant('2026-03-01'), counts: strange, before: strange })),
        (stored) => {
          for (const line of driftNews(stored))
            expect(line).toMatch(/^[\w.]+ ha(s|ve) .* \(\d+ records?\)$|^other fields/);
          const { drift } = driftAfter(stored, found('a=x'), now);
          expect(driftNews(drift).length).toBeGreaterThan(0);
        },
      ),
    );
  });
});
