import { describe, expect, it } from 'vitest';
import { countLights } from '../../../functions/health/fleet.ts';
import { forwarderHealth, instanceHealth, select } from '../../../functions/health/instance-health.ts';
import { readRules, rulesText } from '../../../functions/health/rules.ts';
import { defaultStreams as streams } from '../../../functions/streams/list.ts';
import { readChoice } from '../../../functions/tiles/choice.ts';
import {
  ago,
  all,
  fiveHundred,
  healthOfKnown as health,
  healthy,
  known,
  now,
  refused,
  three,
} from '../../fixtures/fleet.ts';

const day = 24 * 60 * 60_000;

describe('an instance', () => {
  it('is as its worst stream, the first of equals', () => {
    const status = all(refused, { threats: { ...healthy(), state: 'backlogged' } });
    const { light, worst, streams } = health(known('acme', status));
    expect(light).toBe('red');
    expect(worst).toBe(streams[1]);
    expect(worst).toMatchObject({ stream: 'activities', word: 'unauthorized', error: refused.lastError });
    expect(streams.map((one) => one.light)).toEqual(['yellow', 'red', 'red']);
  });

  it('that leaves out a stream is as the others', () => {
    const some = { streams: ['threats', 'activities'] };
    const { light, streams } = health(known('acme', all(healthy(), { agents: refused }), some));
    expect(light).toBe('green');
    expect(streams[2]).toMatchObject({ stream: 'agents', light: 'grey', word: 'disabled' });
  });

  it('says when its token expires, by the stream that says the earliest', () => {
    const expires = (days: number) => ({ ...healthy(), tokenExpiresAt: ago(-days * day) });
    const { tokenExpiresAt } = health(
      known('acme', all(healthy(), { threats: expires(9), agents: expires(8) })),
    );
    expect(tokenExpiresAt).toBe(ago(-8 * day));
  });

  it('is judged by the suffixes and hours that are deployed', () => {
    const item = { firstSeenAt: ago(9 * day), status: { ...healthy(), lastRecordAt: ago(3 * day) } };
    const by = (allowedHostSuffixes: string[], quietHours: Record<string, number>) => {
      const record = { instance: 'acme', host: 'acme.s1.example.com' };
      const rules = readRules(rulesText({ allowedHostSuffixes, quietHours }));
      return instanceHealth(record, () => item, streams, rules, now).worst;
    };
    expect(by(['.s1.example.com'], {})).toMatchObject({ light: 'green' });
    expect(by(['.s1.example.com'], { agents: 73 })).toMatchObject({ light: 'green' });
    expect(by(['.sentinelone.net'], {})).toMatchObject({ light: 'red', word: 'misconfigured' });
    expect(by(['.s1.example.com'], { agents: 71 })).toMatchObject({ stream: 'agents', word: 'nothing new' });
  });

  it('is silent by the cadence that is deployed', () => {
    const polled = (minutes: number) => ({
      status: { ...healthy(), lastPollAt: ago(minutes * 60_000), nextPollAt: ago((minutes - 1) * 60_000) },
    });
    const by = (minutes: number, cadenceMinutes: Record<string, number>) => {
      const rules = readRules(rulesText({ allowedHostSuffixes: ['.net'], quietHours: {}, cadenceMinutes }));
      const record = { instance: 'acme', host: 'acme.sentinelone.net', streams: ['threats'] };
      return instanceHealth(record, () => polled(minutes), streams, rules, now).worst.word;
    };
    expect(by(7, {})).toBe('ok');
    expect(by(7, { threats: 1 })).toBe('silent');
    expect(by(7, { agents: 1 })).toBe('ok');
    // Two ticks without a poll are nothing to be woken for.
    expect(by(4, { threats: 1 })).toBe('ok');
  });

  it('may be the forwarder', () => {
    expect(forwarderHealth({ state: 'ok' }, now)).toMatchObject({ instance: '#analytics', light: 'green' });
  });
});

describe('a selection', () => {
  const instances = fiveHundred.map(health);
  const chosen = (choice: Record<string, unknown>) => select(instances, readChoice(choice));

  it('shows problems first unless asked otherwise', () => {
    const order = chosen({}).map(({ light }) => light);
    const ranks = order.map((light) => ['red', 'yellow', 'green', 'grey'].indexOf(light));
    expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
    expect(order).toHaveLength(500);
  });

  it('finds by name, host, state and error, in capitals or not', () => {
    expect(chosen({ find: 'ACME-260' }).map(({ instance }) => instance)).toEqual(['acme-260']);
    expect(chosen({ find: 'usea1-hooli-094.' })).toHaveLength(1);
    const unreachable = chosen({ find: 'enotfound' });
    expect(unreachable.length).toBeGreaterThan(3);
    expect(unreachable.every(({ worst }) => worst.word === 'unreachable')).toBe(true);
    expect(chosen({ find: ' Unauthorized ' }).length).toBeGreaterThan(3);
    expect(chosen({ find: 'nobody' })).toEqual([]);
  });

  it('shows only problems, or one light', () => {
    const lights = (choice: Record<string, unknown>) => new Set(chosen(choice).map(({ light }) => light));
    expect(lights({ show: 'problems' })).toEqual(new Set(['red', 'yellow']));
    for (const show of ['red', 'yellow', 'green', 'grey']) {
      expect(lights({ show })).toEqual(new Set([show]));
      expect(countLights(instances)).toMatchObject({ [show]: chosen({ show }).length });
    }
  });

  it('sorts by what is asked for', () => {
    const first = (sort: string) => chosen({ sort })[0];
    expect(first('name')?.instance).toBe('acme-000');
    const lags = chosen({ sort: 'lag' }).map(({ streams }) =>
      Math.max(...streams.map(({ lagSeconds }) => lagSeconds ?? -1)),
    );
    expect(lags[0]).toBeGreaterThan(3600);
    expect(lags).toEqual(lags.toSorted((a, b) => b - a));
    expect(first('expiry')?.tokenExpiresAt).toBeDefined();
    const [never] = select([...instances, health(known('new', {}))], readChoice({ sort: 'poll' }));
    expect(never?.instance).toBe('new');
    expect(select(three.map(health), readChoice({})).map(({ instance }) => instance)).toEqual([
      'initech',
      'acme',
      'globex',
    ]);
  });

  it('is the usual one where a form holds nonsense', () => {
    const usual = { find: '', show: 'all', sort: 'problems' };
    expect(readChoice({})).toEqual(usual);
    expect(readChoice({ find: 5, show: 'toString', sort: '__proto__' })).toEqual(usual);
    expect(readChoice({ find: 'x'.repeat(999) }).find).toHaveLength(200);
  });
});
