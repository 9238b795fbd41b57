import { describe, expect, it } from 'vitest';
import { changeOf, episodesOf } from '../../../functions/health/history.ts';
import type { Status } from '../../../functions/health/status.ts';

const now = Date.UTC(2026, 2, 1, 12);
const of = { instance: 'acme', stream: 'threats' };
const change = (before: Partial<Status>, after: Partial<Status>) => changeOf(of, before, after, now);
const failed: Partial<Status> = { state: 'unauthorized', lastError: '401', remedy: 'Rotate.' };

describe('a change of state', () => {
  it('says when, from what to what, and what was said', () => {
    expect(change({ state: 'ok' }, failed)).toEqual({
      ...of,
      at: new Date(now).toISOString(),
      from: 'ok',
      to: 'unauthorized',
      error: '401',
      remedy: 'Rotate.',
    });
    expect(change(failed, { state: 'ok' })).toEqual({
      ...of,
      at: new Date(now).toISOString(),
      from: 'unauthorized',
      to: 'ok',
    });
  });

  it('is none where the state stays, whatever else changes', () => {
    expect(change(failed, { ...failed, lastError: '401 again', failures: 7 })).toBeUndefined();
    expect(change({ state: 'ok' }, { state: 'backlogged' })).toBeUndefined();
    expect(change({ state: 'backlogged', lastCount: 5 }, { state: 'ok', lastCount: 0 })).toBeUndefined();
  });

  it('is also one of what a poll notices, and of an hour that is not complete', () => {
    const noticed: Partial<Status> = { state: 'ok', notice: 'clock', noticeDetail: '12 minutes ahead' };
    expect(change({ state: 'ok' }, noticed)).toMatchObject({ to: 'wrong clock', error: '12 minutes ahead' });
    expect(change(noticed, { state: 'ok' })).toMatchObject({ from: 'wrong clock', to: 'ok' });
    const hours: Partial<Status> = {
      state: 'ok',
      checkedUntil: '2026-03-01T11',
      completeUntil: '2026-03-01T09',
    };
    expect(change({ state: 'ok' }, hours)).toMatchObject({ to: 'not complete' });
    expect(change(hours, { ...hours, completeUntil: '2026-03-01T11' })).toMatchObject({ to: 'ok' });
  });

  it('begins with the first poll', () => {
    expect(change({}, { state: 'ok' })).toMatchObject({ from: 'pending', to: 'ok' });
    expect(change({ state: 'pending' }, failed)).toMatchObject({ from: 'pending', to: 'unauthorized' });
  });
});

it('an episode lasts until the next change of its stream', () => {
  const at = (hour: number) => new Date(now + hour * 3_600_000).toISOString();
  const changes = [
    { instance: 'acme', stream: 'agents', at: at(1), from: 'ok', to: 'unreachable' },
    { instance: 'acme', stream: 'threats', at: at(3), from: 'failed', to: 'ok' },
    { instance: 'acme', stream: 'threats', at: at(0), from: 'ok', to: 'failed' },
  ];
  expect(episodesOf(changes).map(({ stream, to, lastedMs }) => [stream, to, lastedMs])).toEqual([
    ['threats', 'failed', 3 * 3_600_000],
    ['agents', 'unreachable', undefined],
    ['threats', 'ok', undefined],
  ]);
});
