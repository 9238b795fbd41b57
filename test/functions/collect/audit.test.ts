import { describe, expect, it } from 'vitest';
import { type AuditContext, audit } from '../../../functions/collect/audit.ts';
import type { Cursor } from '../../../functions/collect/cursor.ts';
import type { HourCounts } from '../../../functions/collect/hour-counts.ts';
import type { PageRead } from '../../../functions/console/record.ts';
import { ClaimLostError, OutOfTimeError, UnreachableError } from '../../../functions/errors.ts';
import { at, record, standingClock } from '../../fixtures/given.ts';

const noon = at(0);
const one = at(3600);
/** One hour can be audited: that from noon. */
const cursor: Cursor = {
  scope: 'here',
  position: at(3600 + 600),
  limit: 1000,
  roomyPages: 0,
  listing: undefined,
};

const page = (ids: readonly string[], next?: string): PageRead => ({
  records: ids.map((id, i) => record(id, at(i))),
  next,
  sentAt: at(10_000),
  roomy: false,
});

/** A console with so many records from noon to one, of which so many were delivered. */
function auditing(
  total: number | Error,
  { delivered = {}, untimed = 0, since = noon }: Partial<HourCounts> = {},
  answers: readonly PageRead[] = [],
  goOn = () => true,
) {
  const did: unknown[] = [];
  const context = {
    connection: {
      total: async (from: string, until: string) => {
        did.push(['total', from, until]);
        if (total instanceof Error) throw total;
        return total;
      },
      page: async (listing: { from: string; token: string | undefined }) => {
        const asked = did.filter((what) => Array.isArray(what) && what[0] === 'ask').length;
        did.push(['ask', listing.from, listing.token]);
        const answer = answers[asked];
        if (answer === undefined) throw new Error('asked too often');
        return answer;
      },
    },
    repeats: {
      counts: async () => ({ since, delivered, untimed }),
      correct: async (hour: string, count: number) => did.push(['correct', hour, count]),
    },
    overlapMs: 600_000,
    memoryEntries: 1000,
    takeRequest: goOn,
    deliver: async (records: readonly { recordId: string }[]) =>
      did.push(['send', ...records.map(({ recordId }) => recordId)]),
    renew: async () => did.push(['renew']),
  };
  const run = (from = cursor) => audit(from, context as unknown as AuditContext, standingClock());
  return { did, context, run };
}

describe('an audit', () => {
  it.each([
    ['far more records than it counted', Array.from({ length: 500 }, (_, i) => `${i}`), 1004 / 500 + 1],
    ['pages of next to nothing', ['1'], 101],
  ])('of a console that then sends %s without end ends', async (_, ids, most) => {
    const answers = Array.from({ length: 500 }, (_, i) =>
      page(
        ids.map((id) => `${i}-${id}`),
        `token ${i}`,
      ),
    );
    const { did, run } = auditing(2, {}, answers);
    expect(await run()).toMatchObject({ atConsole: 2, delivered: 0, whole: false });
    const asked = did.filter((what) => Array.isArray(what) && what[0] === 'ask').length;
    expect(asked).toBeLessThanOrEqual(Math.ceil(most) + 1);
  });

  it('that finds as many as were delivered reads nothing again', async () => {
    const { did, run } = auditing(7, { delivered: { [noon]: 7, [one]: 99 } });
    expect(await run()).toEqual({
      hour: noon,
      atConsole: 7,
      delivered: 7,
      readAgain: undefined,
      whole: true,
    });
    expect(did).toEqual([['total', noon, one]]);
  });

  it('of an hour in which nothing was delivered and nothing happened is well', async () => {
    expect(await auditing(0).run()).toMatchObject({
      hour: noon,
      atConsole: 0,
      delivered: 0,
      readAgain: undefined,
    });
  });

  it('takes records without a time for those of the hour', async () => {
    expect(await auditing(5, { delivered: { [noon]: 3 }, untimed: 2 }).run()).toMatchObject({
      delivered: 3,
      readAgain: undefined,
    });
    expect(await auditing(6, { delivered: { [noon]: 3 }, untimed: 2 }, [page(['a'])]).run()).toMatchObject({
      delivered: 3,
      readAgain: 1,
    });
  });

  it('that finds more reads the hour again, delivers all of it page by page, and corrects the count', async () => {
    const { did, run } = auditing(4, { delivered: { [noon]: 2 } }, [page(['a', 'b'], 'next'), page(['c'])]);
    expect(await run()).toEqual({ hour: noon, atConsole: 4, delivered: 2, readAgain: 3, whole: true });
    expect(did.filter((what) => Array.isArray(what) && what[0] !== 'ask')).toEqual([
      ['total', noon, one],
      ['send', 'a', 'b'],
      ['renew'],
      ['send', 'c'],
      ['renew'],
      ['correct', noon, 3],
    ]);
    expect(did).toContainEqual(['ask', noon, undefined]);
    expect(did).toContainEqual(['ask', noon, 'next']);
  });

  it('that time ends before it has read the hour corrects nothing, and says so', async () => {
    const { did, run } = auditing(4, {}, [page(['a', 'b'], 'next')], () => false);
    expect(await run()).toMatchObject({ readAgain: 2, whole: false });
    expect(did.at(-1)).toEqual(['renew']);
  });

  it('has nothing to do where no whole hour is past', async () => {
    const { did, run } = auditing(4);
    expect(await run({ ...cursor, position: at(3600 + 599) })).toBeUndefined();
    expect(did).toEqual([]);
  });

  it('that fails says why and what to do, unless the claim is lost', async () => {
    expect(await auditing(new UnreachableError('503', 'wait')).run()).toEqual({
      error: { name: 'UnreachableError', state: 'unreachable', message: '503', remedy: 'wait' },
    });
    expect(await auditing(new OutOfTimeError()).run()).toEqual({
      error: {
        name: 'OutOfTimeError',
        state: 'backlogged',
        message: "the run's time was over",
        remedy: 'Nothing is wrong if it happens once: the next poll tries again.',
      },
    });
    await expect(auditing(new ClaimLostError('taken')).run()).rejects.toThrow(ClaimLostError);
  });
});
