import { describe, expect, it } from 'vitest';
import { streamsAfter } from '../../cli/options.ts';

describe('streams that are typed', () => {
  it.each([
    [undefined, ['+alerts'], ['threats', 'activities', 'agents', 'alerts']],
    [['threats'], ['+alerts', '+threats'], ['threats', 'alerts']],
    [['threats', 'alerts'], ['-alerts'], ['threats']],
    [['threats'], ['agents'], ['agents']],
    [['threats'], ['+alerts', 'agents'], ['+alerts', 'agents']],
  ])('of %j, with %j, are %j', (before, given, after) => {
    expect(streamsAfter(before, given)).toEqual(after);
  });
});
