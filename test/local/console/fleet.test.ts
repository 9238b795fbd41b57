import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Source } from '../../../local/console/console.ts';
import { print } from '../../../local/console/fleet/print.ts';
import { simulatedFleet } from '../../../local/console/fleet/simulated-fleet.ts';
import { readTime } from '../../../local/console/time.ts';
import { idsOf, noon, startConsole } from './harness.ts';

const minute = 60_000;
const small = { agents: 12, historyHours: 6, threatsPerDay: 48 };

interface Put {
  stream: string;
  text: string;
  visibleAt: number;
}

/** Everything that a source shows, and when. */
function watch(source: Source, steps: number[]) {
  const puts: Put[] = [];
  let now = noon;
  const put = (stream: string, text: string) => puts.push({ stream, text, visibleAt: now });
  source.start({ put, add: put, remove: () => {} }, noon);
  for (const step of steps) {
    now += step * minute;
    source.advanceTo?.(now);
  }
  return puts;
}

const texts = (puts: Put[]) => puts.map(({ stream, text }) => `${stream} ${text}`);

// biome-ignore lint/suspicious/noExplicitAny: records are looked at from outside
const records = (puts: Put[], wanted: string): any[] =>
  puts.filter(({ stream }) => stream === wanted).map(({ text }) => JSON.parse(text));

describe('a living fleet', () => {
  it('is the same for the same seed and time, however time is advanced', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 5 }),
        (seed, steps) => {
          const whole = steps.reduce((sum, step) => sum + step, 0);
          const inSteps = watch(simulatedFleet({ ...small, seed }), steps);
          const atOnce = watch(simulatedFleet({ ...small, seed }), [whole]);
          expect(texts(inSteps)).toEqual(texts(atOnce));
        },
      ),
      { numRuns: 5 },
    );
  });

  it('is another for another seed', () => {
    const [one, other] = ['one', 'other'].map((seed) => texts(watch(simulatedFleet({ ...small, seed }), [])));
    expect(one).not.toEqual(other);
  });

  const puts = watch(
    simulatedFleet({ seed: 'acme' }),
    Array.from({ length: 48 }, () => 30),
  );
  const threats = records(puts, 'threats');
  const activities = records(puts, 'activities');
  const agents = records(puts, 'agents');
  const history = puts.filter(({ visibleAt }) => visibleAt === noon);

  it('has a past when the console starts', () => {
    const streamsSeen = new Set(history.map(({ stream }) => stream));
    expect(streamsSeen).toEqual(new Set(['threats', 'activities', 'agents', 'alerts', 'rule-alerts']));
    expect(new Set(records(history, 'agents').map(({ id }) => id)).size).toBeGreaterThanOrEqual(40);
  });

  it('goes on: agents check in, threats appear and change, people log in', () => {
    const later = puts.slice(history.length);
    const known = new Set(records(history, 'threats').map(({ id }) => id));
    expect(records(later, 'agents').length).toBeGreaterThan(1000);
    expect(records(later, 'threats').some(({ id }) => !known.has(id))).toBe(true);
    expect(new Set(records(later, 'activities').map(({ activityType }) => activityType))).toContain(27);
    const states = new Set(
      threats.map(({ threatInfo }) => `${threatInfo.incidentStatus} ${threatInfo.analystVerdict}`),
    );
    expect(states).toContain('unresolved undefined');
    expect(states).toContain('resolved true_positive');
  });

  it('changes a threat only with a later updatedAt, save for what is joined when read', () => {
    const last = new Map<string, { updatedAt: string; own: string; joined: string }>();
    let rejoined = 0;
    for (const { id, agentRealtimeInfo, ...rest } of threats) {
      const { updatedAt } = rest.threatInfo;
      const now = { updatedAt, own: JSON.stringify(rest), joined: JSON.stringify(agentRealtimeInfo) };
      const before = last.get(id) ?? { updatedAt: '', own: '', joined: '' };
      if (before.updatedAt === updatedAt) {
        expect(now.own).toBe(before.own);
        if (now.joined !== before.joined) rejoined += 1;
      } else expect(updatedAt > before.updatedAt).toBe(true);
      last.set(id, now);
    }
    expect(rejoined).toBeGreaterThan(0);
  });

  it('writes times with six fraction digits, and not always the same three last', () => {
    const times = [
      ...threats.map(({ threatInfo }) => threatInfo.updatedAt),
      ...activities.map(({ createdAt }) => createdAt),
      ...agents.map(({ updatedAt }) => updatedAt),
    ];
    for (const time of times) expect(time).toMatch(/T\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(new Set(times.map((time) => time.slice(-4))).size).toBeGreaterThan(500);
  });

  it('shows nothing before its time, and some of it later by seconds', () => {
    for (const { text, visibleAt } of puts) {
      const record = JSON.parse(text);
      const time =
        record.threatInfo?.updatedAt ?? record.alertInfo?.updatedAt ?? record.updatedAt ?? record.createdAt;
      expect(readTime(time) ?? Number.NaN).toBeLessThanOrEqual(visibleAt * 1000);
    }
  });

  it('has alerts that no threat shows, and judges some of them later', () => {
    const alerts = records(puts, 'alerts');
    const products = new Set(alerts.map(({ detectionSource }) => detectionSource.product));
    expect(products).toEqual(new Set(['EDR', 'STAR', 'Identity', 'Mail Gateway']));
    const known = new Set(threats.map(({ id }) => id));
    const ofThreats = alerts.filter(({ detectionSource }) => detectionSource.product === 'EDR');
    expect(ofThreats.every(({ externalId }) => known.has(externalId))).toBe(true);
    const versions = Map.groupBy(alerts, ({ id }) => id);
    expect([...versions.values()].some((all) => all.at(-1).analystVerdict !== all[0].analystVerdict)).toBe(
      true,
    );
    for (const { updatedAt } of alerts) expect(updatedAt).toMatch(/T\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(records(puts, 'rule-alerts').length).toBeGreaterThan(10);
  });

  it('lets many records share one timestamp', () => {
    const times = agents.map(({ updatedAt }) => updatedAt);
    expect(new Set(times).size).toBeLessThan(times.length);
  });

  it('has ids of 18 or 19 digits, and some of them as numbers that a double cannot hold', () => {
    for (const { id } of [...threats, ...activities, ...agents]) expect(id).toMatch(/^\d{18,19}$/);
    const numbers = puts.filter(
      ({ stream, text }) => stream === 'activities' && /"\w+Id":\d{18,19}[,}]/.test(text),
    );
    expect(numbers.length).toBeGreaterThan(20);
    expect(numbers.some(({ text }) => JSON.stringify(JSON.parse(text)) !== text)).toBe(true);
  });

  it('writes other alphabets both as they are and escaped', () => {
    expect(puts.some(({ text }) => text.includes('Zürich'))).toBe(true);
    expect(puts.some(({ text }) => text.includes('Z\\u00fcrich'))).toBe(true);
  });

  it('has agents that are gone', () => {
    const many = records(
      watch(simulatedFleet({ seed: 'many', agents: 200, historyHours: 0.1 }), []),
      'agents',
    );
    expect(many.filter(({ isDecommissioned }) => isDecommissioned).length).toBeGreaterThan(2);
    expect(many.filter(({ isUninstalled }) => isUninstalled).length).toBeGreaterThan(2);
  });
});

describe('a console with a living fleet', () => {
  it('shows at each request how the fleet stands by then, and keeps hidden activities to itself', async () => {
    const given = await startConsole({ source: simulatedFleet({ ...small, seed: 'acme' }) });
    const last = { sortBy: 'updatedAt', sortOrder: 'desc', limit: 1 };
    const before = (await given.ask('/agents', last)).body;
    given.clock.ms += 60 * minute;
    expect((await given.ask('/agents', last)).body).not.toBe(before);

    const all = idsOf((await given.ask('/activities', { limit: 1000, includeHidden: true })).body);
    const shown = idsOf((await given.ask('/activities', { limit: 1000 })).body);
    expect(all.length).toBeGreaterThan(shown.length);
    expect(shown.length).toBeGreaterThan(0);
    await given.close();
  });
});

describe('a printed record', () => {
  it('keeps all digits of a bigint and reads back as what it was', () => {
    expect(print({ id: 1530554064138403841n })).toBe('{"id":1530554064138403841}');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (text, ascii) => {
        const printed = print({ text }, { ascii });
        expect(JSON.parse(printed)).toEqual({ text });
        if (ascii) expect(printed).toMatch(/^[\x20-\x7e]*$/);
      }),
    );
  });
});
