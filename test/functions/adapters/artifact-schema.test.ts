import { describe, expect, test } from 'vitest';
import { flawOf } from '../../../functions/adapters/artifact-schema.ts';
import { artifact } from '../../fixtures/forward-setup.ts';

describe('the flaw of an artifact by its published schema', () => {
  test('is undefined where there is none', () => {
    expect(flawOf(artifact('a'))).toBeUndefined();
    expect(flawOf({ ...artifact('a', { rawLocation: 's3://bucket/key.json' }), raw: '{}' })).toBeUndefined();
  });

  test.each([
    [null, 'the artifact must be object'],
    ['text', 'the artifact must be object'],
    [{ ...artifact('a'), source: 'other' }, '/source must be equal to constant'],
    [{ ...artifact('a'), raw: 7 }, '/raw must be string'],
    [artifact('a', { id: 'x' }), /^\/metadata\/id must match pattern/],
    [artifact('a', { userName: '' }), /^\/metadata\/userName must NOT have fewer than 1 characters/],
    [artifact('a', { rawLocation: 's3://bucket/key.json' }), /^\/raw must be equal to constant/],
    [{ ...artifact('a'), metadata: JSON.parse('{"__proto__":"x"}') }, /metadata/],
  ])('says where and what, never the value: %j', (value, flaw) => {
    expect(flawOf(value)).toMatch(flaw);
    expect(flawOf(value)).not.toContain('\n');
  });

  test('of what nests without end is found without an end', () => {
    const deep = JSON.parse(`{"metadata":{"x":${'['.repeat(200_000)}${']'.repeat(200_000)}}}`);
    expect(flawOf({ ...artifact('a'), ...deep })).toMatch(/metadata/);
  });
});
