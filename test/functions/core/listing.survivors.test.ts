import { describe, expect, it } from 'vitest';
import type { Cursor, Listing } from '../../../functions/core/cursor.ts';
import { advance, boundedListing, openListing, withoutToken } from '../../../functions/core/listing.ts';
import { at, record } from './given.ts';

const overlapMs = 600_000;
const cursor: Cursor = { scope: 'here', position: at(0), limit: 1000, roomyPages: 0, listing: undefined };
const from = (listing: Listing) => withoutToken(cursor, listing, overlapMs).cursor.listing?.from;

describe('a listing whose page token is refused', () => {
  it('goes on from the last timestamp read where records share one: they did not go back', () => {
    const records = [record('a', at(60)), record('b', at(60)), record('c', at(61)), record('d', at(61))];
    const page = { records, next: 'next', sentAt: at(5000), roomy: false };
    const { listing } = advance(cursor, openListing(cursor, overlapMs), page, overlapMs);
    expect(listing).toMatchObject({ sorted: true, ordered: true, read: at(61) });
    expect(listing && from(listing)).toBe(at(61));
  });

  it('goes on an overlap before that where they went back, for as long as the listing lasts', () => {
    const pageOf = (seconds: readonly number[]) => ({
      records: seconds.map((second, i) => record(`${i}-${second}`, at(second))),
      next: `after ${seconds.at(-1)}`,
      sentAt: at(5000),
      roomy: false,
    });
    const wentBack = advance(cursor, openListing(cursor, overlapMs), pageOf([900, 890, 950]), overlapMs);
    expect(wentBack.listing).toMatchObject({ sorted: false, ordered: true, read: at(950) });
    const later = wentBack.listing && advance(wentBack, wentBack.listing, pageOf([960, 970]), overlapMs);
    expect(later?.listing).toMatchObject({ sorted: false, ordered: true, read: at(970) });
    expect(later?.listing && from(later.listing)).toBe(at(970 - 600));
  });

  it('goes on from there also where it has an upper bound', () => {
    const listing = { ...boundedListing(at(0), at(3600)), token: 'next', read: at(1200) };
    expect(from(listing)).toBe(at(1200));
  });
});
