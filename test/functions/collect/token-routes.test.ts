import fc from 'fast-check';
import { expect, it } from 'vitest';
import { run } from '../../../functions/collect/run.ts';
import { TokenRefusedError } from '../../../functions/errors.ts';
import { noon, pageText, scene } from '../../fixtures/collect-setup.ts';
import { settings, stream } from '../../fixtures/given.ts';

const hosts = ['a', 'b', 'c'].map((name) => `${name}.sentinelone.net`);
const names = ['one', 'two'];
/** The last two are keys of one secret. */
const secretIds = ['team/s', 'team/t', 'team/shared#one', 'team/shared#two'];

/** What an operator, or somebody else with the same rights, does at one moment. */
type Edit =
  | {
      readonly what: 'record';
      readonly name: string;
      readonly host: string;
      readonly secretId: string | undefined;
    }
  | { readonly what: 'disable'; readonly name: string }
  | { readonly what: 'remove'; readonly name: string }
  | { readonly what: 'secret'; readonly id: string; readonly host: string | undefined }
  /** From now on, this host refuses every token that it was sent before. */
  | { readonly what: 'revoke'; readonly host: string };

const [name, host] = [fc.constantFrom(...names), fc.constantFrom(...hosts)];
const edit = fc.oneof<fc.Arbitrary<Edit>[]>(
  fc.record({
    what: fc.constant('record' as const),
    name,
    host,
    secretId: fc.option(fc.constantFrom(...secretIds), { nil: undefined }),
  }),
  fc.record({ what: fc.constant('disable' as const), name }),
  fc.record({ what: fc.constant('remove' as const), name }),
  fc.record({
    what: fc.constant('secret' as const),
    id: fc.constantFrom(...secretIds, ...names.map((one) => `signal-client/sentinelone/${one}`)),
    host: fc.option(host, { nil: undefined }),
  }),
  fc.record({ what: fc.constant('revoke' as const), host }),
);
/** Edits before a run, and those before each of its calls to a console, a secret or a record. */
const runs = fc.array(
  fc.record({
    before: fc.array(edit, { maxLength: 4 }),
    within: fc.array(fc.array(edit, { maxLength: 2 }), { maxLength: 12 }),
  }),
  { minLength: 1, maxLength: 5 },
);

/** Each instance with a secret of its own. */
const start = fc.tuple(...names.map((one) => fc.tuple(fc.constant(one), host, fc.boolean()))).map((all) =>
  all.flatMap(([one, to, isBound]): Edit[] => [
    { what: 'record', name: one, host: to, secretId: undefined },
    { what: 'secret', id: `signal-client/sentinelone/${one}`, host: isBound ? to : undefined },
  ]),
);

function given() {
  const world = scene();
  /** By token: the hosts that it was stored for, and those that it was sent to. */
  const storedFor = new Map<string, Set<string>>();
  const sentTo = new Map<string, Set<string>>();
  const bound = new Map<string, string | undefined>();
  const revoked = new Set<string>();
  const shared: Record<string, object> = {};
  /** A run that has listed a record may still read its secret after the record was removed. */
  const removed = new Map<string, Record<string, unknown>>();
  let tokens = 0;

  const apply = (one: Edit) => {
    const { items } = world.instances;
    if (one.what === 'record') {
      const { name: instance, host: to, secretId } = one;
      world.instances.put({ instance, host: to, ...(secretId && { secretId }) });
      removed.delete(instance);
    } else if (one.what === 'disable') {
      const item = items.get(one.name);
      if (item) world.instances.put({ ...item, instance: one.name, enabled: false });
    } else if (one.what === 'remove') {
      const item = items.get(one.name);
      if (item) removed.set(one.name, item);
      items.delete(one.name);
    } else if (one.what === 'revoke') {
      for (const [token, to] of sentTo) if (to.has(one.host)) revoked.add(`${token} ${one.host}`);
    } else {
      const token = `token-${tokens++}`;
      storedFor.set(token, new Set(one.host === undefined ? [] : [one.host]));
      bound.set(token, one.host);
      const [secretName = '', key] = one.id.split('#');
      if (key !== undefined) {
        // Without a host it is never sent.
        shared[key] = { apiKey: token, ...(one.host !== undefined && { host: one.host }) };
        world.secrets.put(secretName, JSON.stringify(shared));
      } else {
        const value = one.host === undefined ? token : JSON.stringify({ apiKey: token, host: one.host });
        world.secrets.put(one.id, value);
      }
    }
    // A token without a host is stored for the hosts of the records that have its secret while it is the current one.
    for (const [id, { value }] of world.secrets.secrets)
      for (const { instance, host: to, secretId } of [...items.values(), ...removed.values()])
        if ((secretId ?? `signal-client/sentinelone/${instance}`) === id && bound.has(value))
          storedFor.get(value)?.add(String(to));
  };

  let within: Edit[][] = [];
  const interrupted =
    <A extends unknown[], T>(call: (...given: A) => Promise<T>) =>
    async (...given: A): Promise<T> => {
      for (const one of within.shift() ?? []) apply(one);
      return call(...given);
    };
  const { secrets, instances, sentinelone } = world.ports;
  const ports = {
    ...world.ports,
    secrets: { read: interrupted(secrets.read.bind(secrets)) },
    instances: {
      list: interrupted(instances.list.bind(instances)),
      async *pages() {
        yield await interrupted(() => instances.list())();
      },
      read: interrupted(instances.read.bind(instances)),
    },
    sentinelone: { ...sentinelone, get: interrupted(sentinelone.get) },
  };
  for (const one of hosts)
    world.consoles.set(one, ({ token, query }) => {
      sentTo.set(token, (sentTo.get(token) ?? new Set()).add(one));
      if (revoked.has(`${token} ${one}`)) return new TokenRefusedError('401');
      return world.answer(
        pageText({ [`${one}${query.cursor ?? ''}`]: -60 }, query.cursor ? undefined : 'next'),
      );
    });
  let ticks = 0;
  return {
    storedFor,
    sentTo,
    bound,
    async run(before: readonly Edit[], edits: Edit[][]) {
      for (const one of before) apply(one);
      within = [...edits];
      ticks += 1;
      const scheduledAt = noon + ticks * 600_000;
      const invocation = { id: `run-${ticks}`, scheduledAt, remainingMs: () => 300_000 };
      await world.clock.runThrough(run(stream, invocation, settings, ports));
    },
  };
}

it('no host is ever sent a token that was not stored for it, whatever is edited between and within runs', async () => {
  let sent = 0;
  await fc.assert(
    fc.asyncProperty(start, runs, async (first, story) => {
      const { storedFor, sentTo, bound, run: tick } = given();
      await tick(first, []);
      for (const { before, within } of story) await tick(before, within);
      for (const [token, to] of sentTo) {
        sent += 1;
        for (const one of to) expect(storedFor.get(token), `${token} was sent to ${one}`).toContain(one);
        // A token whose secret names no host is bound to the host that it was first used at.
        expect(to.size, `${token} (${bound.get(token)}) was sent to ${[...to]}`).toBe(1);
      }
    }),
    { numRuns: 400 },
  );
  expect(sent).toBeGreaterThan(500);
});
