import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Cursor, decodeCursor, encodeCursor, firstCursor } from '../../../functions/collect/cursor.ts';
import { scopeOf } from '../../../functions/instances/instance.ts';
import { epoch } from '../../../functions/kit/time.ts';
import { at, instance, strange, stream, timestamps } from '../../fixtures/given.ts';

const listings = fc.record(
  {
    from: timestamps,
    began: fc.option(timestamps, { nil: undefined }),
    read: timestamps,
    token: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
    ordered: fc.boolean(),
    sorted: fc.boolean(),
  },
  { noNullPrototype: true },
);
const cursors: fc.Arbitrary<Cursor> = fc.record(
  {
    scope: fc.string(),
    position: timestamps,
    limit: fc.integer({ min: 1, max: 1000 }),
    roomyPages: fc.nat(100),
    listing: fc.option(listings, { nil: undefined }),
  },
  { noNullPrototype: true },
);

const listing = { from: at(0), began: at(9), read: at(5), token: 'next', ordered: true, sorted: true };
const cursor: Cursor = { scope: 'host/filters', position: at(5), limit: 250, roomyPages: 7, listing };

function problemOf(stored: unknown): string {
  try {
    decodeCursor(stored);
  } catch (error) {
    expect(error).toMatchObject({ name: 'UnreadableCursorError', state: 'unreadable' });
    return (error as Error).message;
  }
  throw new Error('read');
}

describe('a stored cursor', () => {
  it('is read as it was, through plain values without undefined ones', () => {
    fc.assert(
      fc.property(cursors, (given) => {
        const stored = encodeCursor(given);
        const plain = JSON.parse(JSON.stringify(stored));
        expect(plain).toStrictEqual(stored);
        expect(decodeCursor(plain)).toStrictEqual(given);
      }),
    );
  });

  it('is read whole or refused by UnreadableCursorError, whatever is stored', () => {
    const names = [
      'schemaVersion',
      'scope',
      'position',
      'listing',
      'from',
      'began',
      'read',
      'token',
      'ordered',
      'sorted',
    ];
    const odd = fc.tuple(cursors, fc.constantFrom(...names), strange).map(([given, name, value]) => {
      const { listing: inner, ...stored } = encodeCursor(given);
      return { ...stored, listing: { ...inner, [name]: value }, ...(name in stored && { [name]: value }) };
    });
    fc.assert(
      fc.property(fc.oneof(odd, strange), (stored) => {
        let read: Cursor;
        try {
          read = decodeCursor(stored);
        } catch (error) {
          expect(error).toMatchObject({ name: 'UnreadableCursorError', state: 'unreadable' });
          return;
        }
        expect(decodeCursor(encodeCursor(read))).toStrictEqual(read);
      }),
      { numRuns: 500 },
    );
  });

  it('carries a schema version', () => {
    expect(encodeCursor(cursor)).toEqual({
      schemaVersion: 1,
      scope: 'host/filters',
      position: at(5),
      limit: 250,
      roomyPages: 7,
      listing,
    });
    expect(encodeCursor({ ...cursor, listing: undefined })).not.toHaveProperty('listing');
  });

  const stored = encodeCursor(cursor);
  const broken: [what: string, stored: unknown, problem: RegExp][] = [
    ['absent', undefined, /^the cursor item can't be read: cursor /],
    ['null', null, /cursor is not a map/],
    ['text', 'cursor', /cursor is not a map/],
    ['of a newer version', { ...stored, schemaVersion: 2 }, /cursor\.schemaVersion is not 1/],
    ['of no version', { ...stored, schemaVersion: undefined }, /cursor\.schemaVersion/],
    ['without a scope', { ...stored, scope: 7 }, /cursor\.scope/],
    ['without a position', { ...stored, position: undefined }, /cursor\.position/],
    [
      'with a position of three digits',
      { ...stored, position: '2026-03-01T12:00:00.000Z' },
      /cursor\.position/,
    ],
    [
      'with a position of another zone',
      { ...stored, position: '2026-03-01T12:00:00.000000+01:00' },
      /cursor\.position/,
    ],
    ...[0, 1001, 1.5, '250', undefined].map((limit): [string, unknown, RegExp] => [
      `with a limit of ${JSON.stringify(limit)}`,
      { ...stored, limit },
      /cursor\.limit /,
    ]),
    ['with roomy pages that are text', { ...stored, roomyPages: '7' }, /cursor\.roomyPages /],
    ['with a listing that is text', { ...stored, listing: 'x' }, /cursor\.listing is not a map/],
    ['with a listing that is null', { ...stored, listing: null }, /cursor\.listing/],
    ...(
      [
        ['from', 'yesterday'],
        ['began', 7],
        ['read', undefined],
        ['token', ''],
        ['token', 7],
        ['ordered', 'true'],
        ['ordered', undefined],
        ['sorted', undefined],
      ] as const
    ).map(([name, value]): [string, unknown, RegExp] => [
      `with a listing whose ${name} is ${JSON.stringify(value)}`,
      { ...stored, listing: { ...listing, [name]: value } },
      new RegExp(`cursor\\.listing\\.${name} `),
    ]),
  ];
  it.each(broken)('that is %s is refused by name', (_, value, problem) => {
    expect(problemOf(value)).toMatch(problem);
  });
});

describe('the first cursor', () => {
  it('reaches as far back as the look-back, from when the instance was first seen', () => {
    expect(firstCursor({ ...instance, lookbackHours: 2 }, stream, '2026-03-01T12:00:00.000001Z')).toEqual({
      scope: scopeOf(instance),
      position: '2026-03-01T10:00:00.000001Z',
      limit: 1000,
      roomyPages: 0,
      listing: undefined,
    });
  });

  it('starts at the very beginning for an inventory', () => {
    expect(firstCursor(instance, { ...stream, wholeInventory: true }, at(0)).position).toBe(epoch);
  });

  it('can be stored, however far back', () => {
    fc.assert(
      fc.property(timestamps, fc.double({ min: 0, max: 87_600, noNaN: true }), (seen, lookbackHours) => {
        const first = firstCursor({ ...instance, lookbackHours }, stream, seen);
        expect(first.position <= seen).toBe(true);
        expect(decodeCursor(encodeCursor(first))).toStrictEqual(first);
      }),
    );
  });
});
