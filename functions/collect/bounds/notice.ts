import type { Notice } from '../../health/notices.ts';
import type { Oddities } from '../listing/pages.ts';

/** A small page costs as much as a full page. After this many in a run, the next run continues. */
export const smallPagesPerRun = 100;

/** Returns a notice for operators if a page has more oddities than normal. */
export function noticeOf(
  { skewMs, unasked }: Oddities,
  smallPages: number,
  overlapMs: number,
): Notice | undefined {
  if (unasked > 0)
    return {
      kind: 'filter',
      detail: `the console sent ${unasked} records in a page that are older than requested`,
    };
  if (smallPages >= smallPagesPerRun)
    return { kind: 'small-pages', detail: `${smallPages} pages in a run had almost no records` };
  if (Math.abs(skewMs) <= overlapMs) return undefined;
  const minutes = Math.round(Math.abs(skewMs) / 60_000);
  const where = skewMs > 0 ? 'ahead of' : 'behind';
  return { kind: 'clock', detail: `the console's clock is ${minutes} minutes ${where} ours` };
}
