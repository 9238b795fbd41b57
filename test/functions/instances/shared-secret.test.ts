import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  entryIn,
  hostAt,
  partsOf,
  withEntry,
  withTokenAt,
} from '../../../functions/instances/shared-secret.ts';
import { readToken } from '../../../functions/instances/token.ts';

const host = 'usea1-acme.sentinelone.net';

it('a secret id is a name, or a name and a key', () => {
  expect(partsOf('team/fleet')).toEqual({ name: 'team/fleet', key: undefined });
  expect(partsOf('team/fleet#acme')).toEqual({ name: 'team/fleet', key: 'acme' });
});

describe('a shared secret', () => {
  it('gives each key its own token and host', () => {
    const one = withTokenAt(undefined, 'a', 'token-a', host);
    const two = withTokenAt(one, 'b', 'token-b', 'b.sentinelone.net');
    expect(readToken(entryIn(two, 'a'), 'x')).toBe('token-a');
    expect(readToken(entryIn(two, 'b'), 'x')).toBe('token-b');
    expect([hostAt(two, 'a'), hostAt(two, 'b'), hostAt(two, 'c')]).toEqual([
      host,
      'b.sentinelone.net',
      undefined,
    ]);
  });

  it('keeps what else is in it, each number as it was written', () => {
    const value = '\uFEFF{"a":{"apiKey":"old","id":12345678901234567890,"host":"x"},"note":1.10}';
    expect(withTokenAt(value, 'a', 'new', host)).toBe(
      `{"note":1.10,"a":{"apiKey":"new","id":12345678901234567890,"host":"${host}"}}`,
    );
    expect(withEntry(value, 'a', undefined)).toBe('{"note":1.10}');
  });

  it.each<[what: string, value: string]>([
    ['a bare token', 'eyJhbGciOiJFUzI1NiJ9'],
    ['the JSON of one token', '{"apiKey":"t","host":"h"}'],
    ['a list', '[{"apiKey":"t"}]'],
    ['JSON that is cut off', '{"a":{"apiKey":'],
  ])('is not %s', (_, value) => {
    expect(entryIn(value, 'a')).toBeUndefined();
    expect(entryIn(value, 'apiKey')).toBeUndefined();
    expect(withTokenAt(value, 'a', 't', host)).toBeUndefined();
  });

  it.each(['"token"', '7', 'null', '[]'])('has no entry that is %s', (entry) => {
    expect(entryIn(`{"a":${entry}}`, 'a')).toBeUndefined();
  });

  it.each(['__proto__', 'constructor', 'toString'])('knows no key that it does not have: %s', (key) => {
    expect(entryIn('{}', key)).toBeUndefined();
    const value = withTokenAt('{}', key, 't', host);
    expect(readToken(entryIn(value, key), 'x')).toBe('t');
    expect(entryIn(value, 'a')).toBeUndefined();
  });

  it('holds for every key the last token that was stored under it', () => {
    const key = fc.constantFrom('a', 'b', 'c', '__proto__', 'a.b', '0');
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.uuid())), (stored) => {
        let value: string | undefined;
        for (const [at, token] of stored) value = withTokenAt(value, at, token, `${token}.example`);
        for (const [at, token] of new Map(stored)) {
          expect(readToken(entryIn(value, at), 'x')).toBe(token);
          expect(hostAt(value, at)).toBe(`${token}.example`);
        }
      }),
    );
  });
});
