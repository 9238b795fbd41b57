import { describe, expect, it } from 'vitest';
import { coverageReport } from '../../../functions/health/coverage.ts';

const found = {
  at: '2026-03-01T12:00:00.000Z',
  days: 30,
  views: ['STAR', 'IDENTITY'],
  alerts: 40,
  ruleAlerts: 26_658,
  hiddenActivities: 7,
};
const usual = ['threats', 'activities', 'agents'];
const sentences = (
  given: unknown,
  collected: readonly string[],
  deployed: readonly string[] = ['alerts', 'rule-alerts'],
) => coverageReport('acme', given, collected, deployed)?.sentences;

describe('what is not collected', () => {
  it('is said with the command that changes it, and with the deployment that it takes', () => {
    expect(sentences(found, usual)).toEqual([
      '40 alerts of the last 30 days (STAR, IDENTITY) are not collected: collector set acme --streams +alerts',
      '26,658 rule alerts of the last 30 days are not collected: collector set acme --streams +alerts',
    ]);
    expect(sentences({ ...found, alerts: 0 }, usual, [])).toEqual([
      `26,658 rule alerts of the last 30 days are not collected: npm run deploy -- -c 'optionalStreams=["alerts"]', then collector set acme --streams +alerts`,
    ]);
  });

  it('is said with a deployment that keeps what other instances have', () => {
    expect(sentences({ ...found, ruleAlerts: 0 }, usual, ['rule-alerts'])).toEqual([
      expect.stringContaining(`-c 'optionalStreams=["rule-alerts","alerts"]'`),
    ]);
  });

  it('is the older list where the console has no unified alerts', () => {
    const { alerts: _, ...without } = found;
    expect(sentences(without, usual)).toEqual([
      '26,658 rule alerts of the last 30 days are not collected: collector set acme --streams +rule-alerts',
    ]);
  });

  it('is nothing where alerts are collected, for they include those of rules, or where there are none', () => {
    expect(sentences(found, [...usual, 'alerts'])).toEqual([]);
    expect(sentences({ ...found, alerts: 0 }, [...usual, 'rule-alerts'])).toEqual([]);
    expect(sentences({ ...found, alerts: 0, ruleAlerts: 0 }, usual)).toEqual([]);
  });

  it.each([undefined, null, 'text', {}, { at: 'yesterday', days: 30 }, { at: found.at }])(
    'is not known from %j',
    (given) => {
      expect(coverageReport('acme', given, usual, [])).toBeUndefined();
    },
  );

  it('takes nothing over that is not of its kind', () => {
    const odd = { ...found, alerts: '40', ruleAlerts: 1e99, views: ['STAR', '\u001b[2J', 7] };
    expect(coverageReport('acme', odd, usual, [])).toEqual({
      at: found.at,
      days: 30,
      views: ['STAR'],
      hiddenActivities: 7,
      sentences: [],
    });
  });
});
