import type { Learned } from '../../health/status.ts';
import type { Timestamp } from '../../kit/time.ts';
import type { Answer, PageRequest } from '../api.ts';
import type { Listing } from '../query.ts';
import type { PageRead } from '../record.ts';

/** The request of a source. */
interface SourceRequest extends Pick<PageRequest, 'path' | 'query' | 'json'> {
  /** Whether the response is small, not a page. */
  readonly isSmall?: boolean;
}

/**
 * Sends a request with retries and reads the body of its response. If `read` throws, the request fails. A large
 * response counts against the memory permits until it is released.
 */
export type Ask = <T>(
  request: SourceRequest,
  read: (body: Buffer, clean: Clean) => T,
) => Promise<HeldAnswer & { readonly value: T }>;

/** Cleans a message of the console for display, and removes the token. */
export type Clean = (words: string) => string;

/** A response. A large one counts against the memory permits until it is released. */
export interface HeldAnswer extends Answer {
  /** Call it once, when neither the body nor a view of it is needed any more: its memory is given back. */
  readonly release: () => void;
  /** When the request was sent, by this machine's clock. */
  readonly sentMs: number;
}

/** A page and its response. */
export interface SourcePage extends Pick<PageRead, 'records' | 'next' | 'unordered' | 'isolated'> {
  readonly answer: HeldAnswer;
}

/** The source of the pages of a stream of an instance. */
export interface Source {
  page(listing: Listing, limit: number, ask: Ask): Promise<SourcePage>;
  /** Returns the number of records that were created from `from` to before `until`. */
  total(from: Timestamp, until: Timestamp, ask: Ask): Promise<number>;
  /** The page tokens of first pages: one for each part of the listing. */
  readonly starts: readonly (string | undefined)[];
  /** The most records that one page can have. */
  readonly pageSize: number;
  /** What it has learned about the console, for the next run; undefined if nothing. */
  readonly learned: Learned | undefined;
}
