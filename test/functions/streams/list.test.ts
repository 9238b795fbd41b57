import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../../functions/kit/json.ts';
import { defaultStreams, deployedStreams, streams, withCadences } from '../../../functions/streams/list.ts';
import type { Stream } from '../../../functions/streams/stream.ts';
import { strange } from '../../fixtures/given.ts';
import { messageTypes } from '../../support/schema.ts';

const named = streams.map((stream) => [stream.name, stream] as const);

/** Paths that a stream looks at, found by watching it look. */
function pathsOf(stream: Stream): string[][] {
  const paths: string[][] = [];
  const watched = (path: string[]): object =>
    new Proxy(
      {},
      {
        getOwnPropertyDescriptor: (_, name) => ({
          configurable: true,
          enumerable: true,
          value: watched([...path, String(name)]),
        }),
        get: (_, name) => {
          if (typeof name === 'symbol') return undefined;
          paths.push([...path, name]);
          return watched([...path, name]);
        },
      },
    );
  try {
    stream.metadata(watched([]) as Json);
  } catch {
    // Only what it looked at matters here.
  }
  return [...paths, [...stream.time], [...stream.id]];
}

function put(path: readonly string[], value: Json): Json {
  return path.reduceRight<Json>((inner, name) => ({ [name]: inner }), value);
}

function merged(a: Json, b: Json): Json {
  const objects = [a, b].every((one) => typeof one === 'object' && one !== null && !Array.isArray(one));
  if (!objects) return b;
  const [x, y] = [a, b] as { [key: string]: Json }[];
  const both: { [key: string]: Json } = { ...x };
  for (const [name, value] of Object.entries(y ?? {}))
    both[name] = Object.hasOwn(both, name) ? merged(both[name] ?? null, value) : value;
  return both;
}

describe('every stream', () => {
  it.each(named)('%s makes flat metadata of any record, and never throws', (_, stream) => {
    const paths = pathsOf(stream);
    const filled = fc
      .array(fc.tuple(fc.constantFrom(...paths), strange), { maxLength: 6 })
      .map((all) => all.reduce<Json>((record, [path, value]) => merged(record, put(path, value)), {}));
    fc.assert(
      fc.property(fc.oneof(strange, filled), (record) => {
        for (const [key, value] of Object.entries(stream.metadata(record))) {
          if (value === undefined) continue;
          expect(key).toMatch(/^[a-z][A-Za-z]*$/);
          const values = typeof value === 'string' ? [value] : value;
          expect(
            values.every((one) => typeof one === 'string' && one !== ''),
            `${key}: ${value}`,
          ).toBe(true);
          if (Array.isArray(value)) expect(value.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it.each(named)('%s says what every artifact is found by, also of an empty record', (_, stream) => {
    expect(stream.metadata({})).toMatchObject({
      streamName: expect.stringMatching(/^sentinelone(_mgmt)?$/),
      messageType: expect.toBeOneOf([...messageTypes]),
      severityLabel: expect.stringMatching(/^(critical|high|medium|low|informational)$/),
      severityCode: expect.stringMatching(/^[2-6]$/),
    });
  });

  it.each(named)('%s has nothing in its metadata that is not of the record’s own making', (_, stream) => {
    for (const name of ['id', 'instance', 'stream', 'recordId', 'connector', 'senderHost', 'rawLocation']) {
      expect(stream.metadata({ [name]: 'x' })).not.toHaveProperty(name);
    }
  });

  it.each(named)('%s ends before its next tick, and ticks a whole number of times a day', (_, stream) => {
    expect(stream.timeoutSeconds).toBeLessThan(stream.cadenceMinutes * 60);
    expect(stream.timeoutSeconds).toBeLessThanOrEqual(900);
    expect(1440 % stream.cadenceMinutes).toBe(0);
  });

  it.each(named)(
    '%s keeps its time in the field that it is ordered by, and has a name that names things',
    (_, stream) => {
      expect(stream.time.at(-1)).toBe(stream.orderedBy);
      expect(stream.name).toMatch(/^[a-z-]+s$/);
      if (stream.byDefault) expect(stream.path).toBe(`/${stream.name}`);
      if ('query' in stream) for (const value of Object.values(stream.query)) expect(value).not.toBe('');
    },
  );

  it('can be polled more often, and is otherwise the same', () => {
    expect(withCadences(streams)).toEqual(streams);
    expect(withCadences(streams, { threats: 1, toString: 1 })).toEqual(
      streams.map((one) =>
        one.name === 'threats' ? { ...one, cadenceMinutes: 1, timeoutSeconds: 54 } : one,
      ),
    );
    for (let minutes = 1; minutes <= 60; minutes++)
      for (const one of withCadences(streams, { agents: minutes })) {
        expect(one.timeoutSeconds).toBeLessThan(one.cadenceMinutes * 60);
        expect(one.timeoutSeconds).toSatisfy(Number.isInteger);
      }
  });

  it('has a name of its own', () => {
    expect(new Set(streams.map(({ name }) => name)).size).toBe(streams.length);
  });

  it('is polled as often as what it replaces, and is named here so that none goes missing', () => {
    expect(streams.map(({ name, cadenceMinutes }) => [name, cadenceMinutes])).toEqual([
      ['threats', 5],
      ['activities', 10],
      ['agents', 60],
      ['alerts', 5],
      ['rule-alerts', 5],
    ]);
    expect(defaultStreams.map(({ name }) => name)).toEqual(['threats', 'activities', 'agents']);
    expect(deployedStreams(streams, ['rule-alerts', 'alerts'])).toEqual(streams);
  });

  it.each(named)(
    '%s says what a console lacks that does not have it, unless every console has it',
    (_, stream) => {
      expect(stream.licence !== undefined).toBe(!stream.byDefault);
    },
  );

  it('stays below the vendor’s limits, alone and together', () => {
    const most: Record<string, number> = { agents: 25, alerts: 25 };
    for (const { name, requestsPerSecond } of streams)
      expect(requestsPerSecond, name).toBeLessThanOrEqual(most[name] ?? 10);
    // GraphQL has a limit of its own.
    const rest = streams.filter((stream) => 'query' in stream);
    expect(rest.reduce((sum, { requestsPerSecond }) => sum + requestsPerSecond, 0) * 60).toBeLessThan(1000);
  });
});
