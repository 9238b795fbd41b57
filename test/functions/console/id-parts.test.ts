import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idParts, partOf } from '../../../functions/console/id-parts.ts';
import { RefusedRequestError } from '../../../functions/errors.ts';

/** Different ids, as long as SentinelOne's own, or shorter. */
const numbered = (count: number, digits = 18) =>
  Array.from({ length: count }, (_, i) => String(10n ** BigInt(digits - 1) + BigInt(i)));
const ids = (siteIds: string[], accountIds: string[] = [], groupIds: string[] = []) => ({
  accountIds,
  siteIds,
  groupIds,
});
const many = ids(numbered(500));

describe('the parts of a listing', () => {
  it('is one where its ids fit in one request', () => {
    for (const few of [ids([]), ids(['1']), ids(numbered(100), numbered(20), numbered(20))])
      expect(idParts(few)).toEqual([few]);
  });

  it('are few for 500 ids, in order', () => {
    const parts = idParts(many);
    expect(parts).toHaveLength(3);
    expect(parts.flatMap(({ siteIds }) => siteIds)).toEqual(many.siteIds);
  });

  it('select together what all ids select, none of it twice, and each fits in a request', () => {
    const list = fc
      .integer({ min: 0, max: 500 })
      .chain((count) => fc.constantFrom(3, 9, 18).map((digits) => numbered(count, digits)));
    fc.assert(
      fc.property(list, list, list, (siteIds, accountIds, groupIds) => {
        const parts = idParts(ids(siteIds, accountIds, groupIds));
        for (const part of parts) {
          const length = [part.siteIds, part.accountIds, part.groupIds].join().length;
          expect(length).toBeLessThanOrEqual(3_503);
        }
        const sizes = parts.map((part) =>
          [part.siteIds, part.accountIds, part.groupIds].reduce(
            (product, { length }) => product * (length || 1),
            1,
          ),
        );
        const all = [siteIds, accountIds, groupIds].reduce(
          (product, { length }) => product * (length || 1),
          1,
        );
        expect(sizes.reduce((a, b) => a + b, 0)).toBe(all);
        const keys = parts.map(({ siteIds: [s], accountIds: [a], groupIds: [g] }) => `${s}/${a}/${g}`);
        expect(new Set(keys).size).toBe(parts.length);
        for (const [name, of] of Object.entries({ siteIds, accountIds, groupIds }))
          expect(new Set(parts.flatMap((part) => part[name as 'siteIds']))).toEqual(new Set(of));
      }),
      { numRuns: 200 },
    );
  });

  it('are listed one after the other, each to its own end', () => {
    const seen: [count: number, token: string | undefined][] = [];
    let token: string | undefined;
    do {
      const part = partOf(many, token);
      expect(part.isOneOfMany).toBe(true);
      seen.push([part.ids.siteIds.length, part.token]);
      token = part.next(part.token === undefined ? 'se/co nd==' : undefined);
    } while (token !== undefined);
    const [first, second, third] = idParts(many).map(({ siteIds }) => siteIds.length);
    expect(seen.map(([count]) => count)).toEqual([first, first, second, second, third, third]);
    expect(seen.map(([, inner]) => inner)).toEqual([
      undefined,
      'se/co nd==',
      undefined,
      'se/co nd==',
      undefined,
      'se/co nd==',
    ]);
  });

  it('leave the tokens of a listing with one part as they are', () => {
    const { token, isOneOfMany, next } = partOf(ids(['1']), '1/3 x');
    expect([token, isOneOfMany, next('y'), next(undefined)]).toEqual(['1/3 x', false, 'y', undefined]);
  });

  it('are not taken for others where the ids were cut otherwise', () => {
    for (const token of ['0/2 x', '3/3 x', '99999999999999999999/3 '])
      expect(() => partOf(many, token)).toThrow(RefusedRequestError);
  });

  it('begin again with a token of a version that knew no parts', () => {
    expect(partOf(many, 'eyJpZCI6MX0=')).toMatchObject({ token: undefined, ids: idParts(many)[0] });
  });
});
