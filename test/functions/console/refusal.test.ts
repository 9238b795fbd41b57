import { describe, expect, it } from 'vitest';
import { forbidden, type Refusal, refusalOf } from '../../../functions/console/refusal.ts';
import { problemOf } from '../../../functions/errors.ts';
import { stream } from '../../fixtures/given.ts';

const refusal = (status: number, more: Partial<Refusal> = {}): Refusal => ({
  host: 'usea1-acme.sentinelone.net',
  path: '/threats',
  status,
  words: 'No',
  isApi: true,
  retryAfterMs: undefined,
  target: 'another path',
  ...more,
});

describe('an answer other than 200', () => {
  it.each<[status: number, isApi: boolean, name: string, state: string, remedy: RegExp]>([
    [202, false, 'UnreadableAnswerError', 'unreadable', /login page/],
    [204, true, 'UnreadableAnswerError', 'unreadable', /proxy/],
    [302, false, 'MisconfiguredError', 'misconfigured', /console's address/],
    [400, true, 'RefusedRequestError', 'refused', /siteIds/],
    [400, false, 'RefusedRequestError', 'refused', /firewall, proxy/],
    [403, false, 'BlockedError', 'unreachable', /egress addresses/],
    [404, true, 'RefusedRequestError', 'refused', /siteIds/],
    [404, false, 'MisconfiguredError', 'misconfigured', /has moved/],
    [405, false, 'BlockedError', 'unreachable', /firewall/],
    [405, true, 'RefusedRequestError', 'refused', /report it/],
    [407, false, 'BlockedError', 'unreachable', /setting proxy/],
    [407, true, 'BlockedError', 'unreachable', /setting proxy/],
    [408, true, 'UnreachableError', 'unreachable', /status page/],
    [410, true, 'MisconfiguredError', 'misconfigured', /has moved/],
    [410, false, 'MisconfiguredError', 'misconfigured', /has moved/],
    [413, false, 'RefusedRequestError', 'refused', /too long/],
    [414, false, 'RefusedRequestError', 'refused', /too long/],
    [421, false, 'MisconfiguredError', 'misconfigured', /has moved/],
    [431, true, 'RefusedRequestError', 'refused', /too long/],
    [451, false, 'BlockedError', 'unreachable', /firewall/],
    [451, true, 'BlockedError', 'unreachable', /firewall/],
    [502, false, 'UnreachableError', 'unreachable', /status page/],
    [999, false, 'UnreachableError', 'unreachable', /status page/],
  ])('%i, by the API: %s, is a %s', (status, isApi, name, state, remedy) => {
    const error = refusalOf(refusal(status, { isApi }));
    expect(problemOf(error)).toMatchObject({ name, state, remedy: expect.stringMatching(remedy) });
    if (status !== 302) expect(error.message).toContain(`answers ${status} to /threats: No`);
  });

  it('that says nothing is named without words', () => {
    expect(refusalOf(refusal(404, { words: '' })).message).toMatch(/answers 404 to \/threats$/);
  });

  it('may ask to wait', () => {
    for (const status of [429, 500, 503, 408])
      expect(refusalOf(refusal(status, { retryAfterMs: 7_000 }))).toMatchObject({ retryAfterMs: 7_000 });
  });

  it('is decided by its status where that is 401 or 429, no matter who answers', () => {
    for (const isApi of [true, false]) {
      expect(refusalOf(refusal(401, { isApi }))).toMatchObject({ name: 'TokenRefusedError', words: 'No' });
      expect(refusalOf(refusal(429, { isApi }))).toMatchObject({ name: 'RateLimitedError' });
    }
    expect(refusalOf(refusal(403))).toMatchObject({ name: 'PermissionMissingError', words: 'No' });
    expect(refusalOf(refusal(402))).toMatchObject({ name: 'PermissionMissingError' });
  });
});

describe('a stream that the console refuses', () => {
  it.each([
    ['4030010 Insufficient permissions User does not have required permissions.', /Sightings\.view/],
    ['', /Sightings\.view/],
    ['API access is not enabled for this user', /Sightings\.view/],
    ['Two factor authentication is not enabled', /Sightings\.view/],
    ['Action is not allowed to site users', /scope/],
    ['4030010 The requested scope is outside of the user’s', /scope/],
    ['Access denied by IP restriction', /egress addresses/],
    ['Your address is not in the allow-list of this account', /egress addresses/],
    ['Allowlist restriction', /egress addresses/],
    ['Your ip is not known', /egress addresses/],
    ['Access from your location is blocked', /egress addresses/],
    ['User is not authorized to access the requested site', /scope/],
    ['The session of the user has expired', /Sightings\.view/],
    ['This user has no plan', /Sightings\.view/],
  ])('as in "%s" is forbidden, with the remedy for that', (words, remedy) => {
    const error = forbidden('a.sentinelone.net', stream, words);
    expect(error).toMatchObject({ name: 'ForbiddenError', state: 'forbidden' });
    expect(error.remedy).toMatch(remedy);
    expect(error.message).toContain(words);
  });

  it.each([
    'This scope does not have Custom Rules enabled.',
    '4030010 Feature is not included in your package',
    'No valid license was found for Singularity Ranger',
    'The licence has ended',
    'The account has not opted in to Unified Alert Management',
    'SKU required: Complete',
    'The site has expired',
    'Your trial period has ended',
    'Not available for this tier',
    'Upgrade your plan to use the API',
  ])('as in "%s" is not licensed', (words) => {
    const error = forbidden('a.sentinelone.net', stream, words);
    expect(error).toMatchObject({ name: 'NotLicensedError', state: 'not-licensed' });
    expect(error.message).toBe(`a.sentinelone.net has no licence for sightings: ${words}`);
    expect(error.remedy).toMatch(/once a day/);
  });
});
