import { RefusedRequestError } from '../errors.ts';
import type { Instance } from '../instances/instance.ts';

type Ids = Pick<Instance, 'accountIds' | 'siteIds' | 'groupIds'>;

/** Servers accept request lines of 8 KiB, of which a page token may take half. */
const idsLength = 3_500;

/**
 * Divides the ids of an instance into as many parts as requests are needed. Together the parts select what all ids
 * select.
 */
export function idParts({ accountIds, siteIds, groupIds }: Ids): Ids[] {
  const lists = [accountIds, siteIds, groupIds];
  const lengths = lists.map((list) => list.join().length);
  const isLong = (length: number) => length > idsLength / lists.length;
  const sum = (some: readonly number[]) => some.reduce((a, b) => a + b, 0);
  const left = idsLength - sum(lengths.filter((length) => !isLong(length)));
  const most = sum(lengths) <= idsLength ? idsLength : left / lengths.filter(isLong).length;
  const pieces = (list: readonly string[]) => cut(list, most);
  return pieces(accountIds).flatMap((accounts) =>
    pieces(siteIds).flatMap((sites) =>
      pieces(groupIds).map((groups) => ({ accountIds: accounts, siteIds: sites, groupIds: groups })),
    ),
  );
}

/** An empty list selects everything and is one part. */
function cut(list: readonly string[], most: number): string[][] {
  const pieces: string[][] = [[]];
  let length = 0;
  for (const id of list) {
    if (length > 0 && length + id.length > most) {
      pieces.push([]);
      length = 0;
    }
    pieces.at(-1)?.push(id);
    length += id.length + 1;
  }
  return pieces;
}

/** One part of a listing. The parts are listed one after another, each from the start of the listing. */
export interface Part {
  readonly ids: Ids;
  /** The page token within the part. */
  readonly token: string | undefined;
  /** Whether there are other parts. Timestamps then go back where the next part starts. */
  readonly isOneOfMany: boolean;
  /** Returns the listing's next page token for the next page token of the part. */
  readonly next: (token: string | undefined) => string | undefined;
}

/**
 * Returns the part that the listing's page token belongs to. Throws RefusedRequestError if the ids were divided
 * differently.
 */
export function partOf(instance: Ids, token: string | undefined): Part {
  const parts = idParts(instance);
  const count = parts.length;
  const [, index = '0', of = String(count), inner = ''] =
    count > 1 ? (/^(\d+)\/(\d+) (.*)$/s.exec(token ?? '0/') ?? []) : [];
  const ids = parts[Number(index)];
  if (ids === undefined || of !== String(count))
    throw new RefusedRequestError(
      'the ids of the instance are divided otherwise than when its listing began',
    );
  if (count === 1) return { ids, token, isOneOfMany: false, next: (after) => after };
  return {
    ids,
    token: inner === '' ? undefined : inner,
    isOneOfMany: true,
    next: (after) => {
      if (after !== undefined) return `${index}/${count} ${after}`;
      return Number(index) + 1 < count ? `${Number(index) + 1}/${count} ` : undefined;
    },
  };
}
