import { notices } from './notices.ts';
import type { Change, Status } from './status.ts';

/** What the setting `optionalStreams` calls the changes of state as artifacts. It has no function of its own. */
export const changeStream = 'collector-health';

/** The state in one or two words. A stream that collects is ok, whether or not it is at the end of its listing. */
function wordOf({ state = 'pending', notice, checkedUntil, completeUntil }: Partial<Status>): string {
  if (state !== 'ok' && state !== 'backlogged') return state;
  if (notice !== undefined && Object.hasOwn(notices, notice)) return notices[notice].word;
  const isIncomplete = completeUntil !== undefined && completeUntil < (checkedUntil ?? completeUntil);
  return isIncomplete ? 'not complete' : 'ok';
}

/** The change from one status to the next; undefined if the state is the same. */
export function changeOf(
  of: Pick<Change, 'instance' | 'stream'>,
  before: Partial<Status>,
  after: Partial<Status>,
  now: number,
): Change | undefined {
  const [from, to] = [wordOf(before), wordOf(after)];
  if (from === to) return undefined;
  const { instance, stream } = of;
  const error = after.lastError ?? after.noticeDetail;
  const remedy = after.remedy ?? (after.notice && notices[after.notice].remedy);
  return {
    instance,
    stream,
    at: new Date(now).toISOString(),
    from,
    to,
    ...(error !== undefined && { error }),
    ...(remedy !== undefined && { remedy }),
  };
}

/** A change, and how long the new state lasted; undefined if it still does. */
export interface Episode extends Change {
  readonly lastedMs: number | undefined;
}

/** Changes in the order of time, each with how long its state lasted. */
export function episodesOf(changes: readonly Change[]): Episode[] {
  const ordered = changes.toSorted((a, b) => a.at.localeCompare(b.at));
  return ordered.map((change, i) => {
    const next = ordered.slice(i + 1).find(({ stream }) => stream === change.stream);
    return { ...change, lastedMs: next && Date.parse(next.at) - Date.parse(change.at) };
  });
}
