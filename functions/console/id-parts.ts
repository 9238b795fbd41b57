import { RefusedRequestError } from '../errors.ts';
import type { Instance } from '../instances/instance.ts';

type Ids = Pick<Instance, 'accountIds' | 'siteIds' | 'groupIds'>;

/** Servers take request lines of 8 KiB; a page token may be half of that. */
const idsLength = 3_500;

/** The ids of an instance, in as many parts as requests are needed: together they select what all ids select. */
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

/** An empty list, which selects all, is one piece. */
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

/** One part of a listing. The parts are listed one after the other, each from where the listing starts. */
export interface Part {
  readonly ids: Ids;
  /** The page token within the part. */
  readonly token: string | undefined;
  /** Not the only part: times go back where the next one begins. */
  readonly isOneOfMany: boolean;
  /** The listing's next page token, by that of the part. */
  readonly next: (token: string | undefined) => string | undefined;
}

/** The part that the listing's page token leads to. Throws RefusedRequestError where the ids were cut otherwise. */
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
