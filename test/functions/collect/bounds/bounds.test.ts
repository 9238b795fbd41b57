import { describe, expect, it } from 'vitest';
import { run } from '../../../../functions/collect/run.ts';
import type { Settings } from '../../../../functions/collect/settings.ts';
import type { Answer } from '../../../../functions/console/api.ts';
import { fromMs } from '../../../../functions/kit/time.ts';
import { noon, pageText, type Says, scene } from '../../../fixtures/collect-setup.ts';
import { at, settings, stream } from '../../../fixtures/given.ts';

const minute = 60_000;
const hour = 60 * minute;
const cadence = stream.cadenceMinutes * minute;

/** A collector of these instances, each with a console of its own. */
function collector(consoles: Readonly<Record<string, Says>>, more: Partial<Settings> = {}) {
  const world = scene();
  for (const [name, says] of Object.entries(consoles)) {
    world.instances.put({ instance: name, host: `${name}.sentinelone.net` });
    world.secrets.put(`signal-client/sentinelone/${name}`, `token-of-${name}`);
    world.consoles.set(`${name}.sentinelone.net`, says);
  }
  let runs = 0;
  const begin = () => {
    const end = world.clock.now() + 540_000;
    const remainingMs = () => end - world.clock.now();
    const invocation = { id: `run ${++runs}`, scheduledAt: world.clock.now(), remainingMs };
    return run(stream, invocation, { ...settings, instancesAtOnce: 10, ...more }, world.ports);
  };
  const item = (name: string) => world.cursors.items.get(`${name} ${stream.name}`);
  return {
    ...world,
    begin,
    run: () => world.clock.runThrough(begin()),
    tick: () => world.clock.runUntil(world.clock.now() + cadence),
    item,
    status: (name: string) => item(name)?.status ?? {},
    askedOf: () => world.asked.map(({ host }) => host.split('.')[0]),
  };
}

const never = new Promise<Answer>(() => {});

describe('an instance whose answers end the run', () => {
  /** Once `bad` has been asked, the process is gone: nobody's request comes to an end. */
  function killing() {
    let isDead = false;
    const honest: Says = () => (isDead ? never : world.answer(pageText({ r: -60 })));
    const bad: Says = () => {
      isDead = true;
      return never;
    };
    const world = collector({ bad, 'good-1': honest, 'good-2': honest, 'good-3': honest });
    /** One run and the time to the next; answers whom it asked. */
    const runToDeath = async () => {
      isDead = false;
      const before = world.asked.length;
      world.begin();
      await world.tick();
      return world.askedOf().slice(before);
    };
    return { ...world, runToDeath, heals: () => world.consoles.set('bad.sentinelone.net', honest) };
  }

  it('is polled last and alone from the next run on, after its name is logged', async () => {
    const { runToDeath, suspects, status } = killing();
    expect((await runToDeath())[0]).toBe('bad');
    const second = await runToDeath();
    expect(second).toContain('bad');
    // Its neighbours were in the same run, so each is polled alone as well.
    expect(suspects.map(({ instance }) => instance)).toContain('bad');
    expect(suspects.find(({ instance }) => instance === 'bad')).toMatchObject({
      stream: stream.name,
      killedRuns: 1,
    });
    const third = await runToDeath();
    expect(third.at(-1)).toBe('bad');
    expect(third.toSorted()).toEqual(['bad', 'good-1', 'good-2', 'good-3']);
    for (const name of ['good-1', 'good-2', 'good-3'])
      expect(status(name)).toMatchObject({ state: 'ok', failures: 0 });
    expect(status('good-1')).not.toHaveProperty('killedRuns');
    expect(status('bad')).toMatchObject({ killedRuns: 2 });
  });

  it('is failed after three times, is polled at widening intervals, and until it ends no more', async () => {
    const { runToDeath, asked, askedOf, status, item, heals } = killing();
    for (let i = 0; i < 3; i++) await runToDeath();
    const before = asked.length;
    await runToDeath();
    expect(askedOf().slice(before)).not.toContain('bad');
    expect(status('bad')).toMatchObject({
      state: 'failed',
      killedRuns: 3,
      lastError: expect.stringMatching(/^its answers end the run/),
    });
    expect(item('bad')?.claim).toBeUndefined();
    const waits: number[] = [];
    for (let round = 0; round < 7; round++) {
      let ticks = 0;
      for (; ; ticks++) {
        const asked = await runToDeath();
        if (asked.includes('bad')) break;
      }
      waits.push(ticks);
    }
    expect(waits[1]).toBeGreaterThan(waits[0] ?? 0);
    expect(waits[2]).toBeGreaterThan(waits[1] ?? 0);
    expect(waits.at(-1)).toBe(waits.at(-2));
    expect(Math.max(...waits) * cadence).toBeLessThanOrEqual(24 * hour);
    heals();
    for (let i = 0; i < 150; i++) await runToDeath();
    expect(status('bad')).toMatchObject({ state: 'ok', failures: 0 });
    expect(status('bad')).not.toHaveProperty('killedRuns');
  });

  it('is polled although the others never come to an end', async () => {
    const world = collector({ suspect: () => world.answer(pageText({ r: -60 })) });
    const { clock, answer, cursors, consoles, instances, secrets, run, asked, askedOf } = world;
    const endless: Says = async ({ query }) => {
      await clock.sleep(5000);
      const i = Number(query.cursor ?? 0);
      return answer(pageText({ [`r${i}`]: i - 3600 }, String(i + 1)));
    };
    instances.put({ instance: 'long', host: 'long.sentinelone.net' });
    secrets.put('signal-client/sentinelone/long', 'token-of-long');
    consoles.set('long.sentinelone.net', endless);
    const claim = { instance: 'suspect', stream: stream.name, run: 'killed' };
    await cursors.claim(claim, noon - hour, noon - minute);
    await run();
    expect(askedOf()).toContain('suspect');
    expect(asked.length).toBeGreaterThan(30);
  });
});

describe('almost empty pages', () => {
  it('are a hundred in a run at most, and the next run goes on', async () => {
    const world = collector({
      acme: ({ query }) => {
        const from = query.updatedAt__gte ?? '';
        const first = Array.from({ length: 251 }, (_, i) => i).find((i) => at(i - 7200) >= from);
        if (first === undefined) return world.answer(pageText({}));
        const i = Number(query.cursor ?? first);
        return world.answer(pageText({ [`r${i}`]: i - 7200 }, i < 250 ? String(i + 1) : undefined));
      },
    });
    const { asked, outcomes, run, tick, status, delivered } = world;
    await run();
    expect(asked.length).toBeLessThanOrEqual(102);
    expect(outcomes[0]).toMatchObject({ state: 'backlogged', notice: { kind: 'small-pages' } });
    expect(status('acme')).toMatchObject({ notice: 'small-pages', noticeSince: expect.any(String) });
    for (let i = 0; i < 4; i++) {
      await tick();
      await run();
    }
    expect(new Set(delivered()).size).toBe(251);
    expect(status('acme')).not.toHaveProperty('notice');
  });

  it('are counted over all turns', async () => {
    const says =
      (name: string): Says =>
      ({ query }) => {
        const i = Number(query.cursor ?? 0);
        return world.answer(pageText({ [`${name}${i}`]: i - 7200 }, String(i + 1)));
      };
    const world = collector(
      { a: says('a'), b: says('b') },
      { instancesAtOnce: 1, pagesPerTurn: 1, pagesPerRun: 1000 },
    );
    await world.run();
    expect(world.asked.length).toBeLessThanOrEqual(204);
  });

  it('do not each write a large memory', async () => {
    const many = (page: number) =>
      Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`old${page}-${i}`, -300]));
    const world = collector(
      {
        acme: ({ query }) => {
          const i = Number(query.cursor ?? 0);
          const records = i < 3 ? many(i) : { [`r${i}`]: -299 };
          return world.answer(pageText(records, i < 90 ? String(i + 1) : undefined));
        },
      },
      { memoryEntries: 20_000 },
    );
    let writes = 0;
    const { writeMemory } = world.cursors;
    world.cursors.writeMemory = async (...kept) => {
      writes += 1;
      return writeMemory.apply(world.cursors, kept);
    };
    await world.run();
    expect(world.delivered()).toHaveLength(3088);
    expect(writes).toBe(4);
    await world.tick();
    await world.run();
    expect(world.delivered(), 'all of it is remembered').toHaveLength(3088);
  });
});

it('page tokens that go round over hours of records deliver them once more at most, and say so', async () => {
  const pages: Record<string, Record<string, number>> = {
    A: { a1: -30_000, a2: -25_000 },
    B: { b1: -20_000, b2: -15_000 },
  };
  const world = collector({
    acme: ({ query }) => {
      const page = query.cursor ?? 'A';
      return world.answer(pageText(pages[page] ?? {}, page === 'A' ? 'B' : 'A'));
    },
  });
  for (let i = 0; i < 4; i++) {
    await world.run();
    expect(world.status('acme')).toMatchObject({
      state: 'unreadable',
      lastError: expect.stringMatching(/^its page tokens lead to nothing new/),
    });
    await world.tick();
    await world.tick();
    await world.tick();
  }
  expect(new Set(world.delivered())).toEqual(new Set(['a1', 'a2', 'b1', 'b2']));
  expect(world.delivered().length).toBeLessThanOrEqual(8);
});

describe('a day', () => {
  /** A console with ten new records at each request. */
  const flooding = (more: Partial<Settings>) => {
    let id = 0;
    const world = collector(
      {
        flood: () => {
          const records = Object.fromEntries(Array.from({ length: 10 }, () => [`r${id++}`, -60]));
          return world.answer(pageText(records, `page ${id}`));
        },
        honest: () => world.answer(pageText({ r: -60 })),
      },
      { pagesPerRun: 20, ...more },
    );
    return world;
  };

  it.each([
    ['artifacts', { dayArtifacts: 100 }],
    ['bytes', { dayBytes: 100 * pageTextBytes() }],
  ])('has a bound on the %s of an instance', async (_, limit) => {
    const { run, tick, asked, delivered, status, clock } = flooding(limit);
    await run();
    const deliveredFirst = delivered().length;
    expect(deliveredFirst).toBeLessThan(120);
    expect(status('flood')).toMatchObject({
      state: 'over-budget',
      nextPollAt: new Date(noon + 12 * hour).toISOString(),
      spentDay: '2026-03-01',
    });
    expect(status('honest')).toMatchObject({ state: 'ok' });
    const askedFirst = asked.filter(({ host }) => host.startsWith('flood')).length;
    for (let i = 0; i < 10; i++) {
      await tick();
      await run();
    }
    expect(asked.filter(({ host }) => host.startsWith('flood'))).toHaveLength(askedFirst);
    while (clock.now() < noon + 12 * hour) await tick();
    await run();
    expect(delivered().length).toBeGreaterThan(deliveredFirst + 90);
    expect(status('flood')).toMatchObject({ spentDay: '2026-03-02' });
  });

  it('over all its runs, also those with an edit of the record between', async () => {
    const { run, tick, delivered, status, instances } = flooding({ dayArtifacts: 100, pagesPerRun: 3 });
    for (let i = 0; i < 10; i++) {
      instances.put({ instance: 'flood', host: 'flood.sentinelone.net', lookbackHours: 24 + i });
      await run();
      await tick();
    }
    expect(delivered().length).toBeLessThan(140);
    expect(status('flood')).toMatchObject({ state: 'over-budget' });
  });
});

function pageTextBytes(): number {
  return JSON.stringify({ id: 'r10', updatedAt: at(0) }).length;
}

describe('a console that ignores the time filter', () => {
  const stock = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`r${i}`, i - 80_000]));

  it('has its stock delivered once more, and no more, and says so', async () => {
    const world = collector({ acme: () => world.answer(pageText(stock(500))) });
    const { run, tick, delivered, status, outcomes } = world;
    for (let i = 0; i < 5; i++) {
      await run();
      await tick();
    }
    // Nothing shows in the first poll that the filter is ignored: it asks for all of these.
    expect(delivered()).toHaveLength(1000);
    expect(status('acme')).toMatchObject({ state: 'ok', notice: 'filter', noticeSince: expect.any(String) });
    expect(outcomes.at(-1)?.notice?.detail).toMatch(/500 records in a page that are older than requested/);
  });

  it('and lists the newest first has them delivered once too', async () => {
    const pages = [{ new: 0 }, stock(300)];
    const world = collector({
      acme: ({ query }) =>
        world.answer(pageText(pages[Number(query.cursor ?? 0)] ?? {}, query.cursor ? undefined : '1')),
    });
    for (let i = 0; i < 5; i++) {
      await world.run();
      await world.tick();
    }
    expect(world.delivered().length).toBeLessThanOrEqual(301 + 300);
    const before = world.delivered().length;
    await world.run();
    expect(world.delivered()).toHaveLength(before);
  });

  it('is forgotten once it heeds it', async () => {
    let heeds = false;
    const world = collector({
      acme: ({ query }) => {
        const all = Object.entries(stock(500));
        const from = query.updatedAt__gte ?? '';
        return world.answer(
          pageText(Object.fromEntries(all.filter(([, second]) => !heeds || at(second) >= from))),
        );
      },
    });
    await world.run();
    await world.tick();
    await world.run();
    expect(world.status('acme')).toHaveProperty('notice');
    heeds = true;
    for (let i = 0; i < 3; i++) {
      await world.tick();
      await world.run();
    }
    expect(world.status('acme')).not.toHaveProperty('notice');
    expect(world.delivered()).toHaveLength(1000);
  });
});

describe('a wrong Date', () => {
  it.each([
    ['ahead', 23 * hour, /1380 minutes ahead of ours/],
    ['behind', -2 * hour, /120 minutes behind ours/],
    ['a day and more ahead', 30 * hour, /1800 minutes ahead of ours/],
  ])('%s is noticed, and no position is later than our clock', async (_, skewMs, detail) => {
    const shown: Record<string, number> = {};
    const world = collector({
      acme: ({ query }) => {
        const from = query.updatedAt__gte ?? '';
        const found = Object.entries(shown).filter(([, second]) => at(second) >= from);
        return world.answer(pageText(Object.fromEntries(found)), { dateMs: world.clock.now() + skewMs });
      },
    });
    const { clock, run, tick, status, delivered } = world;
    for (let i = 0; i < 8; i++) {
      // Each becomes visible five minutes late.
      shown[`r${i}`] = (clock.now() - noon) / 1000 - 300;
      await run();
      expect((status('acme').position ?? '') <= fromMs(clock.now())).toBe(true);
      expect(status('acme')).toMatchObject({ notice: 'clock', noticeDetail: expect.stringMatching(detail) });
      await tick();
    }
    expect(new Set(delivered()).size).toBe(8);
  });

  it('within the overlap is normal', async () => {
    const world = collector({
      acme: () => world.answer(pageText({}), { dateMs: world.clock.now() + settings.overlapMs - 1000 }),
    });
    await world.run();
    expect(world.status('acme')).not.toHaveProperty('notice');
  });
});
