import { describe, expect, it } from 'vitest';
import { run } from '../../../functions/collect/run.ts';
import { namesIn, TypeNames } from '../../../functions/console/type-names.ts';
import { PermissionMissingError, RateLimitedError, TokenRefusedError } from '../../../functions/errors.ts';
import { activities } from '../../../functions/streams/activities.ts';
import { noon, scene } from '../../fixtures/collect-setup.ts';
import { at, settings } from '../../fixtures/given.ts';
import { readMessage } from '../../support/schema.ts';

const listOf = (types: unknown) => Buffer.from(JSON.stringify({ data: types }));
const hour = 3_600_000;

describe('the names of types', () => {
  it('are read by id, as a number or as text', () => {
    const body = listOf([
      { id: 73, action: 'Scan New Agents Changed', descriptionTemplate: '{{ user }} changed it' },
      { id: '6001', action: ' Something\u0000New\u202e\n Happened ' },
    ]);
    expect([...namesIn(body)]).toEqual([
      ['6001', 'Something New Happened'],
      ['73', 'Scan New Agents Changed'],
    ]);
  });

  it('leave out what is no type, and cut what is longer than a name', () => {
    const odd = [null, 7, 'x', [], {}, { id: 1 }, { id: 2, action: '' }, { id: 3, action: {} }];
    const long = { id: 4, action: 'é'.repeat(5000) };
    const names = namesIn(
      listOf([...odd, { id: '9'.repeat(50), action: 'x' }, { id: 1.5, action: 'x' }, long]),
    );
    expect([...names]).toEqual([['4', 'é'.repeat(100)]]);
  });

  it('are bounded in their number', () => {
    const types = Array.from({ length: 3_000 }, (_, id) => ({ id, action: `Type ${id}` }));
    expect(namesIn(listOf(types)).size).toBe(2_000);
  });

  it.each(['', '<html>', 'null', '{}', '{"data":null}', '{"data":{}}', '{"data":[]}', '[]'])(
    'are not read from %j',
    (body) => {
      expect(() => namesIn(Buffer.from(body))).toThrow(SyntaxError);
    },
  );

  it('are not read from a structure that would take much memory', () => {
    const body = `{"data":[{"id":1,"action":"x"},${'['.repeat(30_000)}${']'.repeat(30_000)}]}`;
    expect(() => namesIn(Buffer.from(body))).toThrow(SyntaxError);
  });
});

describe('the names that are kept', () => {
  const names = new Map([['73', 'A name']]);
  const body = (name: string) => listOf([{ id: 73, action: name }]);
  function asking(answer: () => Promise<Buffer> = async () => body('A name')) {
    const kept = new TypeNames();
    let asked = 0;
    const of = (host: string, token: string, now: number) =>
      kept.of(host, token, now, () => {
        asked += 1;
        return answer();
      });
    return { of, asked: () => asked };
  }

  it('are asked for once a day, also by connections at the same time', async () => {
    const { of, asked } = asking();
    expect(of('a', 't', noon).known()).toBeUndefined();
    await Promise.all([of('a', 't', noon).learn(), of('a', 't', noon).learn()]);
    await of('a', 't', noon).learn();
    expect(asked()).toBe(1);
    expect(of('a', 't', noon + 24 * hour - 1).known()).toEqual(names);
    expect(of('a', 't', noon + 24 * hour).known()).toBeUndefined();
    await of('a', 't', noon + 24 * hour).learn();
    expect(asked()).toBe(2);
  });

  it('are never those of another host or another token', async () => {
    const { of } = asking();
    await of('a', 't', noon).learn();
    expect(of('a', 'u', noon).known()).toBeUndefined();
    expect(of('b', 't', noon).known()).toBeUndefined();
    expect(of('a t', '', noon).known()).toBeUndefined();
  });

  it('are none for an hour after an error', async () => {
    const { of, asked } = asking(async () => {
      throw new Error('403');
    });
    await of('a', 't', noon).learn();
    expect(of('a', 't', noon + hour - 1).known()?.size).toBe(0);
    expect(of('a', 't', noon + hour).known()).toBeUndefined();
    expect(asked()).toBe(1);
  });

  it('are those of fifty different lists at most, and of any number of consoles with the same list', async () => {
    let list = 0;
    let answers = 0;
    const { of } = asking(async () =>
      listOf([{ id: 73, action: `Name ${list}`, descriptionTemplate: `Text ${answers++}` }]),
    );
    for (let i = 0; i < 200; i++) await of(`same${i}`, 't', noon).learn();
    expect(of('same0', 't', noon).known()?.get('73')).toBe('Name 0');
    for (list = 1; list <= 50; list++) await of(`own${list}`, 't', noon).learn();
    expect(of('same0', 't', noon).known()).toBeUndefined();
    expect(of('own1', 't', noon).known()?.get('73')).toBe('Name 1');
  });
});

describe('an activity of a type that only the console names', () => {
  const named = (name: string) => listOf([{ id: 6001, action: name }]).toString();
  const activity = (id: string, activityType: number) => ({ id, createdAt: at(-60), activityType });

  /** Consoles with activities, by the instance, and what each says of its types. */
  function polling(says: Readonly<Record<string, () => string | Error>>) {
    const world = scene();
    const pages = new Map<string, object[]>();
    for (const [name, types] of Object.entries(says)) {
      const host = `${name.split('-')[0]}.sentinelone.net`;
      world.instances.put({ instance: name, host });
      world.secrets.put(`signal-client/sentinelone/${name}`, `token-of-${host}`);
      world.consoles.set(host, ({ path }) => {
        const said =
          path === activities.typesPath ? types() : JSON.stringify({ data: pages.get(host) ?? [] });
        return said instanceof Error ? said : world.answer(said);
      });
    }
    const instanceRules = { allowedHostSuffixes: ['.sentinelone.net'], streams: ['activities'] };
    let runs = 0;
    return {
      give: (name: string, ...records: object[]) => pages.set(`${name}.sentinelone.net`, records),
      async poll(minutes: number) {
        await world.clock.runThrough(world.clock.sleep(minutes * 60_000));
        world.asked.length = 0;
        world.queue.bodies.length = 0;
        runs += 1;
        const invocation = { id: `run ${runs}`, scheduledAt: world.clock.now(), remainingMs: () => 500_000 };
        const only = { ...settings, instanceRules, hoursPerPoll: 0 };
        await world.clock.runThrough(run(activities, invocation, only, world.ports));
        const received = world.queue.bodies.flatMap((body) => readMessage(body));
        return {
          paths: world.asked.map(({ path }) => path),
          names: received.map(({ metadata }) => [metadata.instance, metadata.activityTypeName]).sort(),
          states: world.outcomes.splice(0).map(({ state }) => state),
        };
      },
    };
  }

  it('has the name at once, and the list is requested once a day', async () => {
    const { give, poll } = polling({ acme: () => named('Something new') });
    expect(await poll(0)).toMatchObject({ paths: ['/activities'] });
    give('acme', activity('1', 27));
    expect(await poll(10)).toMatchObject({ paths: ['/activities'], names: [['acme', 'User logged in']] });
    give('acme', activity('2', 6001), activity('3', 6002));
    expect(await poll(10)).toMatchObject({
      paths: ['/activities', '/activities/types'],
      names: [
        ['acme', undefined],
        ['acme', 'Something new'],
      ],
    });
    give('acme', activity('4', 6001));
    expect(await poll(10)).toMatchObject({ paths: ['/activities'], names: [['acme', 'Something new']] });
  });

  it('has the name that its own console gives it, which is asked once for two instances', async () => {
    const { give, poll } = polling({
      acme: () => named('Of Acme'),
      globex: () => named('Of Globex'),
      'globex-2': () => named('Of Globex'),
    });
    give('acme', activity('1', 6001));
    give('globex', activity('1', 6001));
    const { paths, names } = await poll(0);
    expect(names).toEqual([
      ['acme', 'Of Acme'],
      ['globex', 'Of Globex'],
      ['globex-2', 'Of Globex'],
    ]);
    expect(paths.filter((path) => path === '/activities/types')).toHaveLength(2);
  });

  it.each([
    ['refuses', () => new PermissionMissingError('403')],
    ['is limited', () => new RateLimitedError('429', 0)],
    ['refuses the token of', () => new TokenRefusedError('401')],
    ['says nonsense about', () => '{"data":'],
  ])('arrives without it where the console %s the list', async (_, says) => {
    const { give, poll } = polling({ acme: says });
    give('acme', activity('1', 6001));
    expect(await poll(0)).toEqual({
      paths: ['/activities', '/activities/types'],
      names: [['acme', undefined]],
      states: ['ok'],
    });
    give('acme', activity('2', 6001));
    expect(await poll(10)).toMatchObject({ paths: ['/activities'], names: [['acme', undefined]] });
    give('acme', activity('3', 6001));
    expect(await poll(60)).toMatchObject({ paths: ['/activities', '/activities/types'] });
  });
});
