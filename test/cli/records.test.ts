import { describe, expect, test } from 'vitest';
import { overlapping, refuseOverlap } from '../../cli/records.ts';

const host = 'usea1-acme.sentinelone.net';
const stack = { rules: { allowedHostSuffixes: ['.sentinelone.net'] } };
const acme = { instance: 'acme', host };
const other = (more: object) => ({ instance: 'other', host, ...more });

describe('two instances may collect the same records', () => {
  test.each([
    ['of one console without filters', {}, {}],
    ['whatever the host is written like', {}, { host: `https://${host.toUpperCase()}/` }],
    ['where one of them has no filter', { siteIds: ['1'] }, {}],
    ['with one site in both', { siteIds: ['1', '2'] }, { siteIds: ['2', '3'] }],
    ['with filters of different kinds', { siteIds: ['1'] }, { accountIds: ['9'] }],
    ['with one stream in both', { streams: ['threats', 'agents'] }, { streams: ['agents'] }],
    ['while one is disabled', { enabled: false }, {}],
  ])('%s', (_, mine, theirs) => {
    expect(overlapping(stack, { ...acme, ...mine }, [other(theirs)])?.instance).toBe('other');
    expect(() => refuseOverlap(stack, { ...acme, ...mine }, [other(theirs)])).toThrow(
      /^the scope overlaps with other/,
    );
  });
});

describe('two instances collect different records', () => {
  test.each([
    ['of different consoles', {}, { host: 'euce1-acme.sentinelone.net' }],
    ['of different sites', { siteIds: ['1'] }, { siteIds: ['2'] }],
    [
      'of different accounts, though a site is in both',
      { accountIds: ['1'], siteIds: ['3'] },
      { accountIds: ['2'], siteIds: ['3'] },
    ],
    ['of different streams', { streams: ['threats'] }, { streams: ['agents'] }],
    ['where one record breaks a rule', {}, { lookbackHours: 'x' }],
    ['where one has a host that no poll accepts', {}, { host: 'acme.example.com' }],
    ['where they are one', {}, { instance: 'acme' }],
  ])('%s', (_, mine, theirs) => {
    expect(overlapping(stack, { ...acme, ...mine }, [{ ...other({}), ...theirs }])).toBeUndefined();
  });
});
