import { describe, expect, it } from 'vitest';
import { type InstanceRules, readInstance, scopeOf } from '../../../functions/core/instance.ts';
import { instance } from './given.ts';

const rules: InstanceRules = { allowedHostSuffixes: ['.sentinelone.net'], streams: ['threats'] };

describe('a host name', () => {
  /** Labels of at most 63 characters, and so many in all. */
  const hostOf = (length: number) => {
    const rest = '.sentinelone.net';
    const labels = ['a'.repeat(63), 'b'.repeat(63), 'c'.repeat(63)].join('.');
    return `${labels}.${'d'.repeat(length - labels.length - rest.length - 1)}${rest}`;
  };

  it('has 253 characters at most', () => {
    expect(readInstance({ instance: 'acme', host: hostOf(253) }, rules).host).toHaveLength(253);
    expect(() => readInstance({ instance: 'acme', host: hostOf(254) }, rules)).toThrow(
      'host: must be a host name such as',
    );
  });
});

describe('the scope of a cursor', () => {
  it('is the same in every version of the collector: another would collect again from the look-back', () => {
    expect(scopeOf(instance)).toBe('usea1-acme.sentinelone.net/5ae1625b488b3935');
    expect(scopeOf({ ...instance, accountIds: ['2', '1'], siteIds: ['3'] })).toBe(
      'usea1-acme.sentinelone.net/fe8b21b5ad9cd22a',
    );
  });
});
