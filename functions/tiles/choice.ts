import { orders, type Selection } from '../health/instance-health.ts';

/** The values that a form or a URL can have, by name. */
export const shows = ['all', 'problems', 'red', 'yellow', 'green', 'grey'] as const;
export const sorts = Object.keys(orders) as readonly Selection['sort'][];

/** Reads a choice from a form or a URL, which may contain anything. */
export function readChoice({ find, show, sort }: Readonly<Record<string, unknown>>): Selection {
  return {
    find: typeof find === 'string' ? find.trim().slice(0, 200) : '',
    show: shows.find((one) => one === show) ?? 'all',
    sort: sorts.find((one) => one === sort) ?? 'problems',
  };
}
