import { type Micros, writeTime } from '../time.ts';
import { sites } from './names.ts';
import type { Random } from './random.ts';

export interface Place {
  accountId: string;
  accountName: string;
  siteId: string;
  siteName: string;
  groupId: string;
  groupName: string;
}

const idEpochMs = Date.UTC(2017, 0, 1);

/** An id in the vendor's format, 18 or 19 digits: milliseconds since 2017, followed by 23 random bits. */
export function idAt(at: Micros, random: Random): string {
  const ms = Math.floor(at / 1000) - idEpochMs;
  return ((BigInt(ms) << 23n) | BigInt(random.between(0, 2 ** 23 - 1))).toString();
}

const dayMicros = 86_400 * 1e6;

/** The sites and groups of an account that was opened long before `at`. */
export function createPlaces(accountName: string, at: Micros, random: Random): [Place, ...Place[]] {
  const opened = () => idAt(at - random.between(1200, 2200) * dayMicros, random);
  const accountId = opened();
  const [first, ...rest] = sites.flatMap(([siteName, groups]) => {
    const siteId = opened();
    return groups.map((groupName) => ({
      accountId,
      accountName,
      siteId,
      siteName,
      groupId: opened(),
      groupName,
    }));
  });
  if (!first) throw new Error('an account needs a site');
  return [first, ...rest];
}

/** A time some days before another. */
export const daysBefore = (at: Micros, days: number, random: Random): Micros =>
  at - Math.round(days * dayMicros) - random.between(1, 999_999);

export const written = writeTime;
