import { describe, expect, test } from 'vitest';
import { groupProblems } from '../../../functions/health/groups.ts';
import type { InstanceHealth } from '../../../functions/health/instance-health.ts';
import type { Verdict } from '../../../functions/health/verdict.ts';

function health(instance: string, worst: Partial<Verdict>): InstanceHealth {
  const verdict = { stream: 'threats', light: 'red', word: 'unauthorized', ...worst } as Verdict;
  const host = `usea1-${instance}.sentinelone.net`;
  return {
    instance,
    host,
    light: verdict.light,
    worst: verdict,
    tokenExpiresAt: undefined,
    streams: [verdict],
  };
}

const refused = (instance: string) =>
  health(instance, {
    error: `usea1-${instance}.sentinelone.net refuses the token: 4010010`,
    remedy: `Create a new token, then run: collector rotate ${instance}`,
  });

describe('problems', () => {
  test('of one cause are one group, in which HOST and NAME stand for what differs', () => {
    expect(groupProblems([refused('globex'), refused('acme')])).toEqual([
      {
        light: 'red',
        word: 'unauthorized',
        error: 'HOST refuses the token: 4010010',
        remedy: 'Create a new token, then run: collector rotate NAME',
        instances: ['acme', 'globex'],
      },
    ]);
  });

  test('of a single instance keep their own text', () => {
    expect(groupProblems([refused('acme')])).toMatchObject([
      { remedy: 'Create a new token, then run: collector rotate acme', instances: ['acme'] },
    ]);
  });

  test('that differ by a time only are one group', () => {
    const silent = (instance: string, minute: string) =>
      health(instance, { word: 'silent', error: `no poll since 2026-03-01T12:${minute}:00.000Z` });
    expect(groupProblems([silent('a', '01'), silent('b', '07')])).toMatchObject([
      { error: 'no poll since …', instances: ['a', 'b'] },
    ]);
  });

  test('are red first, then those of the most instances; healthy instances are none', () => {
    const yellow = (instance: string) => health(instance, { light: 'yellow', word: 'backlogged' });
    const all = [
      yellow('a'),
      yellow('b'),
      yellow('c'),
      health('d', { word: 'misconfigured' }),
      refused('e'),
      refused('f'),
      health('g', { light: 'green', word: 'ok' }),
    ];
    expect(groupProblems(all).map(({ instances }) => instances.join(''))).toEqual(['ef', 'd', 'abc']);
  });

  test('are told apart also where a name is part of a word, or holds what a pattern means', () => {
    const one = health('a', { error: 'a page that a console sent, and [x]' });
    expect(groupProblems([one, health('b', { error: 'another' })])).toHaveLength(2);
    expect(groupProblems([health('[x', { error: '[x' }), health('(', { error: '(' })])).toMatchObject([
      { error: 'NAME', instances: ['(', '[x'] },
    ]);
  });
});
