import { orders, type Selection } from '../health/instance-health.ts';

/** What a form or an address can ask for, by name. */
export const shows = ['all', 'problems', 'red', 'yellow', 'green', 'grey'] as const;
export const sorts = Object.keys(orders) as readonly Selection['sort'][];

/** Reads a choice from whatever a form or an address holds. */
export function readChoice({ find, show, sort }: Readonly<Record<string, unknown>>): Selection {
  return {
    find: typeof find === 'string' ? find.trim().slice(0, 200) : '',
    show: shows.find((one) => one === show) ?? 'all',
    sort: sorts.find((one) => one === sort) ?? 'problems',
  };
}
