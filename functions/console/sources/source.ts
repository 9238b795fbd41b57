import type { Learned } from '../../health/status.ts';
import type { Timestamp } from '../../kit/time.ts';
import type { Answer, PageRequest } from '../api.ts';
import type { Listing } from '../query.ts';
import type { PageRead } from '../record.ts';

/** What a source asks a console for. */
interface SourceRequest extends Pick<PageRequest, 'path' | 'query' | 'json'> {
  /** The answer is a count or a few words, and not a page. */
  readonly isSmall?: boolean;
}

/**
 * Asks the console, patiently, and reads the body of its answer; what `read` throws is an error of the request. A large
 * answer is in memory until it is released.
 */
export type Ask = <T>(
  request: SourceRequest,
  read: (body: Buffer, clean: Clean) => T,
) => Promise<HeldAnswer & { readonly value: T }>;

/** Makes what a console says ready to be shown, without the token. */
export type Clean = (words: string) => string;

/** An answer; a large one is in memory until it is released. */
export interface HeldAnswer extends Answer {
  readonly release: () => void;
  /** When it was asked for, by our clock. */
  readonly sentMs: number;
}

/** A page, and the answer that it was in. */
export interface SourcePage extends Pick<PageRead, 'records' | 'next' | 'unordered' | 'isolated'> {
  readonly answer: HeldAnswer;
}

/** Where the pages of a stream of an instance come from. */
export interface Source {
  page(listing: Listing, limit: number, ask: Ask): Promise<SourcePage>;
  /** How many records the console has from `from` to before `until`. */
  total(from: Timestamp, until: Timestamp, ask: Ask): Promise<number>;
  /** The page tokens of first pages: one for each part of the listing. */
  readonly starts: readonly (string | undefined)[];
  /** The most records that one page can have. */
  readonly pageSize: number;
  /** What it has found out about the console, for the next run; undefined where there is nothing to know. */
  readonly learned: Learned | undefined;
}
