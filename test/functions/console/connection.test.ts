import { describe, expect, it } from 'vitest';
import { Connection } from '../../../functions/console/connection.ts';
import { LargePages } from '../../../functions/console/large-pages.ts';
import { Pace } from '../../../functions/console/pace.ts';
import type { Listing } from '../../../functions/console/query.ts';
import {
  HeavyPageError,
  MisconfiguredError,
  OutOfTimeError,
  PermissionMissingError,
  RateLimitedError,
  RefusedRequestError,
  TokenRefusedError,
  UnreachableError,
  UnreadableAnswerError,
} from '../../../functions/errors.ts';
import { semaphore } from '../../../functions/kit/concurrency.ts';
import { fromMs } from '../../../functions/kit/time.ts';
import { noon, pageText, type Says, scene } from '../../fixtures/collect-setup.ts';
import { at, instance, settings, stream } from '../../fixtures/given.ts';

const { host, secretId } = instance;
const day = 24 * 60 * 60 * 1000;
const listing: Listing = {
  from: at(-7200),
  began: undefined,
  read: at(-7200),
  token: undefined,
  ordered: true,
  sorted: true,
};
const empty = pageText({});
const unreachable = (retryAfterMs?: number) => new UnreachableError('down', 'wait', retryAfterMs);

/** A connection to a console that says the given things in turn, the last one for ever. */
function connecting(says: readonly (Says | Error)[] = [], remainingMs = () => 300_000) {
  // The longest waits there may be.
  const world = scene(() => 1);
  world.secrets.put(secretId, 'first-token');
  world.instances.put({ instance: instance.instance, host });
  const turns: (AbortSignal | undefined)[] = [];
  world.consoles.set(host, (request) => {
    const saying = says[Math.min(world.asked.length, says.length) - 1] ?? (() => world.answer(empty));
    return saying instanceof Error ? saying : saying(request);
  });
  const reads: boolean[] = [];
  const secrets = {
    read: (id: string, fresh: boolean) => {
      reads.push(fresh);
      return world.secrets.read(id, fresh);
    },
  };
  class WatchedPace extends Pace {
    override async turn(mostMs: number, signal?: AbortSignal) {
      turns.push(signal);
      return super.turn(mostMs, signal);
    }
  }
  const pace = new WatchedPace(host, Number.POSITIVE_INFINITY, world.clock);
  const connection = new Connection({
    stream,
    instance,
    settings,
    paceOf: () => pace,
    largePages: new LargePages(semaphore(1), world.clock, remainingMs),
    remainingMs,
    ports: { ...world.ports, secrets },
  });
  const { signal } = new AbortController();
  const page = async (asked = listing, limit = 50) => {
    return world.clock.runThrough(connection.page(asked, limit, signal));
  };
  const total = async () => {
    return world.clock.runThrough(connection.total(at(-7200), at(-3600)));
  };
  const waits = () => world.asked.map((request) => request.at - noon);
  const paths = () => world.asked.map(({ path }) => path);
  const tokens = () => world.asked.map(({ token }) => token);
  return { ...world, reads, turns, signal, connection, page, total, waits, paths, tokens };
}

describe('a connection', () => {
  it('reads the token with its first request, once, and says which version it is', async () => {
    const { connection, page, reads } = connecting();
    expect(reads).toEqual([]);
    await page();
    await page();
    expect(connection.knowledge).toEqual({
      secretVersion: 'v1',
      tokenExpiresAt: undefined,
      tokenChecked: false,
    });
    expect(reads).toEqual([false]);
  });

  it('says which version holds no token, and makes no request', async () => {
    const { connection, page, secrets, asked } = connecting();
    secrets.put(secretId, ' ');
    await expect(page()).rejects.toThrow(MisconfiguredError);
    expect(connection.knowledge.secretVersion).toBe('v2');
    expect(asked).toEqual([]);
  });

  it('says no version where there is no secret', async () => {
    const { connection, page, secrets } = connecting();
    secrets.secrets.clear();
    await expect(page()).rejects.toThrow(MisconfiguredError);
    expect(connection.knowledge.secretVersion).toBeUndefined();
  });

  it('asks the instance’s host for the stream’s page, with the token, in bounds', async () => {
    const { page, asked, signal, turns } = connecting();
    await page({ ...listing, token: 'next' }, 123);
    expect(asked).toEqual([
      {
        at: noon,
        host,
        token: 'first-token',
        path: '/sightings',
        query: {
          includeAll: 'true',
          limit: '123',
          sortBy: 'updatedAt',
          sortOrder: 'asc',
          skipCount: 'true',
          updatedAt__gte: at(-7200),
          cursor: 'next',
        },
        timeoutMs: 60_000,
        maxBytes: settings.pageBytes,
        whenLarge: expect.any(Function),
        signal,
      },
    ]);
    expect(turns).toEqual([signal]);
  });

  it('answers the page’s records and the token of the next one', async () => {
    const { page, answer } = connecting([() => answer(pageText({ a: -60, b: -30 }, 'next'))]);
    const read = await page();
    expect(read.records.map(({ version }) => version)).toEqual([`a@${at(-60)}`, `b@${at(-30)}`]);
    expect(read.next).toBe('next');
  });
});

describe('the console’s clock', () => {
  const clockOf = async (dateMs: number | undefined, tookMs = 0) => {
    const { page, answer } = connecting([() => answer(empty, { dateMs, tookMs })]);
    return page();
  };
  const sentAt = async (dateMs: number | undefined, tookMs = 0) => (await clockOf(dateMs, tookMs)).sentAt;

  it('is that of the request: what the answer took is taken off, rounded up', async () => {
    expect(await sentAt(noon, 1500.5)).toBe(fromMs(noon - 1501));
  });

  it('is believed when it is off by less than a day, but never ahead of ours', async () => {
    expect(await sentAt(noon - day + 1)).toBe(fromMs(noon - day + 1));
    for (const aheadMs of [1, 23 * 3_600_000, day - 1]) {
      const page = await clockOf(noon + aheadMs);
      expect(page).toMatchObject({ sentAt: fromMs(noon), aheadMs, skewMs: aheadMs });
    }
  });

  it('differs from ours by what no request can have taken, however far', async () => {
    expect(await clockOf(noon - 3000, 5000)).toMatchObject({ skewMs: 0, aheadMs: 0 });
    expect(await clockOf(noon - 3_600_000, 5000)).toMatchObject({ skewMs: -3_595_000, aheadMs: 0 });
    expect(await clockOf(noon + 40 * day)).toMatchObject({ skewMs: 40 * day, aheadMs: 0 });
    expect((await clockOf(undefined)).skewMs).toBeUndefined();
  });

  it('is ours less the overlap where the console says none, or one that is a day off', async () => {
    const ours = fromMs(noon - settings.overlapMs);
    expect(await sentAt(undefined)).toBe(ours);
    expect(await sentAt(noon - day)).toBe(ours);
    expect(await sentAt(noon + day)).toBe(ours);
    expect(await sentAt(undefined, 1000)).toBe(fromMs(noon - settings.overlapMs - 1000));
  });
});

describe('a page', () => {
  const roomy = async (tookMs: number, bytes: number) => {
    const { page, answer } = connecting([
      () => answer(empty.replace('[', '['.padEnd(bytes - empty.length + 1)), { tookMs }),
    ]);
    return (await page()).roomy;
  };
  const quarter = settings.pageBytes / 4;

  it('is roomy when it took less than a quarter of the time and of the bytes that it may', async () => {
    expect(await roomy(14_999, quarter - 1)).toBe(true);
    expect(await roomy(15_000, quarter - 1)).toBe(false);
    expect(await roomy(14_999, quarter)).toBe(false);
  });

  it('that can’t be read is named: which request, which page, from where', async () => {
    const { page } = connecting([({ query }) => answerOf(query.cursor)]);
    const answerOf = (_: string | undefined) => ({ body: Buffer.from('<html>'), tookMs: 0, dateMs: noon });
    await expect(page()).rejects.toThrow(
      new UnreadableAnswerError(
        `GET /sightings, first page from ${at(-7200)}: not a page: it is HTML or XML`,
      ),
    );
    await expect(page({ ...listing, token: 'next' })).rejects.toThrow(/, a later page from /);
  });
});

describe('a refused token', () => {
  const refused = new TokenRefusedError('401');

  it('is read again and, where it is another one now, the page is asked for with that', async () => {
    const world = connecting([
      () => {
        world.secrets.put(secretId, 'second-token');
        return refused;
      },
      () => world.answer(pageText({ a: -60 })),
    ]);
    const read = await world.page();
    expect(read.records).toHaveLength(1);
    expect(world.tokens()).toEqual(['first-token', 'second-token']);
    expect(world.paths()).toEqual(['/sightings', '/sightings']);
    expect(world.reads).toEqual([false, true]);
    expect(world.connection.knowledge.secretVersion).toBe('v2');
    expect(world.turns).toHaveLength(2);
  });

  it('that is the same as before is tried on what every token may read, and there refused: it is dead', async () => {
    const { page, paths, reads, asked } = connecting([refused]);
    await expect(page()).rejects.toMatchObject({
      state: 'unauthorized',
      message: `${host} refuses the token`,
    });
    expect(paths()).toEqual(['/sightings', '/system/info']);
    expect(asked[1]?.query).toEqual({});
    expect(reads).toEqual([false, true]);
  });

  it('that was replaced by another dead one is as dead', async () => {
    const world = connecting([
      () => {
        world.secrets.put(secretId, 'second-token');
        return refused;
      },
      refused,
    ]);
    await expect(world.page()).rejects.toMatchObject({ name: 'UnauthorizedError', state: 'unauthorized' });
    expect(world.paths()).toEqual(['/sightings', '/sightings', '/system/info']);
    expect(world.tokens()).toEqual(['first-token', 'second-token', 'second-token']);
  });

  it('that is good elsewhere lacks a permission, which the remedy names', async () => {
    const world = connecting([refused, () => world.answer('{}')]);
    const error = await world.page().catch((thrown) => thrown);
    expect(error).toMatchObject({ name: 'ForbiddenError', state: 'forbidden' });
    expect(error.message).toBe(`${host} does not let the token read sightings`);
    expect(error.remedy).toContain('Sightings.view');
    expect(world.paths()).toEqual(['/sightings', '/system/info']);
  });

  it('lacks a permission also where 403 is the answer elsewhere', async () => {
    const { page } = connecting([refused, new PermissionMissingError('403')]);
    await expect(page()).rejects.toMatchObject({ name: 'ForbiddenError', state: 'forbidden' });
  });

  it('is said with the console’s own words', async () => {
    const dead = connecting([new TokenRefusedError('401', 'Authentication Failed')]);
    await expect(dead.page()).rejects.toThrow(`${host} refuses the token: Authentication Failed`);
    const missing = connecting([new PermissionMissingError('403', 'Insufficient permissions')]);
    await expect(missing.page()).rejects.toThrow(/read sightings: Insufficient permissions$/);
    const unlicensed = connecting([new PermissionMissingError('403', 'no licence')]);
    await expect(unlicensed.page()).rejects.toMatchObject({ state: 'not-licensed' });
  });

  it('is no verdict where the console can’t be asked elsewhere', async () => {
    const { page } = connecting([refused, new RefusedRequestError('400')]);
    await expect(page()).rejects.toThrow(RefusedRequestError);
  });

  it('is not what 403 means: that is a permission, and nothing more is asked', async () => {
    const { page, paths, reads } = connecting([new PermissionMissingError('403')]);
    await expect(page()).rejects.toMatchObject({ name: 'ForbiddenError', state: 'forbidden' });
    expect(paths()).toEqual(['/sightings']);
    expect(reads).toEqual([false]);
  });
});

describe('patience', () => {
  it('waits longer each time, and gives up after four tries', async () => {
    for (const error of [new RateLimitedError('429'), unreachable()]) {
      const { page, waits } = connecting([error]);
      await expect(page()).rejects.toThrow(error);
      expect(waits()).toEqual([0, 1000, 3000, 7000]);
    }
  });

  it('ends with the first answer', async () => {
    const { page, waits, answer } = connecting([unreachable(), () => answer(pageText({ a: -60 }))]);
    expect((await page()).records).toHaveLength(1);
    expect(waits()).toEqual([0, 1000]);
  });

  it('waits as long as the console asks for, up to 30 seconds', async () => {
    for (const error of [new RateLimitedError('429', 30_000), unreachable(30_000)]) {
      const { page, waits, answer } = connecting([error, () => answer(empty)]);
      await page();
      expect(waits()).toEqual([0, 30_000]);
    }
  });

  it('is left to the next run where the console asks for more than that', async () => {
    for (const error of [new RateLimitedError('429', 30_001), unreachable(30_001)]) {
      const { page, waits } = connecting([error]);
      await expect(page()).rejects.toThrow(error);
      expect(waits()).toEqual([0]);
    }
  });

  it('waits no less than its own time where the console asks for less', async () => {
    const { page, waits, answer } = connecting([new RateLimitedError('429', 10), () => answer(empty)]);
    await page();
    expect(waits()).toEqual([0, 1000]);
  });

  it('is not for errors that another try does not mend', async () => {
    for (const error of [new RefusedRequestError('400'), new HeavyPageError('slow'), new Error('odd')]) {
      const { page, waits } = connecting([error]);
      await expect(page()).rejects.toThrow(error);
      expect(waits()).toEqual([0]);
    }
  });

  it('is over where the wait is longer than the time that is left', async () => {
    const { page, waits } = connecting([unreachable()], () => 999);
    await expect(page()).rejects.toThrow(UnreachableError);
    expect(waits()).toEqual([0]);
  });
});

describe('the run’s time', () => {
  const withTime = (remainingMs: number, ...says: (Says | Error)[]) => connecting(says, () => remainingMs);

  it('bounds a request, and without any left none is made', async () => {
    const short = withTime(1);
    await short.page();
    expect(short.asked[0]?.timeoutMs).toBe(1);
    for (const none of [0, -5]) {
      const { page, asked } = withTime(none);
      await expect(page()).rejects.toThrow(OutOfTimeError);
      expect(asked).toEqual([]);
    }
  });

  it('is what ended a page that had less than a page’s time, not its weight', async () => {
    await expect(withTime(59_999, new HeavyPageError('slow')).page()).rejects.toThrow(OutOfTimeError);
    await expect(withTime(60_000, new HeavyPageError('slow')).page()).rejects.toThrow(HeavyPageError);
  });

  it('does not hide another error', async () => {
    await expect(withTime(500, new RefusedRequestError('400')).page()).rejects.toThrow(RefusedRequestError);
  });
});

describe('the console’s total', () => {
  const counting = (body: string) => {
    const world = connecting([() => world.answer(body)]);
    return world;
  };

  it('is of the records from one time to before another, and of nothing else', async () => {
    const { total, asked } = counting('{"data":[],"pagination":{"totalItems":7,"nextCursor":null}}');
    expect(await total()).toBe(7);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({ path: '/sightings', token: 'first-token' });
    expect(asked[0]?.query).toEqual({
      includeAll: 'true',
      limit: '1',
      sortBy: 'updatedAt',
      sortOrder: 'asc',
      skipCount: 'false',
      countOnly: 'true',
      updatedAt__gte: at(-7200),
      createdAt__gte: at(-7200),
      createdAt__lt: at(-3600),
    });
  });

  it('may be nothing', async () => {
    expect(await counting('{"pagination":{"totalItems":0}}').total()).toBe(0);
  });

  it('is a count, or can’t be read', async () => {
    const numbers = ['"7"', '-1', '1.5', '1e400', '9007199254740994', '1e21', 'null'];
    const bodies = numbers.map((total) => `{"pagination":{"totalItems":${total}}}`);
    for (const body of [...bodies, '{"pagination":{}}', '{}', '<html>', '']) {
      await expect(counting(body).total()).rejects.toThrow(
        new UnreadableAnswerError(`GET /sightings, count from ${at(-7200)}: no total`),
      );
    }
  });

  it('is waited for like a page', async () => {
    const world = connecting([unreachable(), () => world.answer('{"pagination":{"totalItems":7}}')]);
    expect(await world.total()).toBe(7);
    expect(world.waits()).toEqual([0, 1000]);
    await expect(connecting([new PermissionMissingError('403')]).total()).rejects.toMatchObject({
      name: 'ForbiddenError',
      state: 'forbidden',
    });
  });
});
