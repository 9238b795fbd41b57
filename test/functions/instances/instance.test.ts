import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MisconfiguredError } from '../../../functions/errors.ts';
import {
  collects,
  fingerprint,
  type InstanceRules,
  intervalMs,
  readInstance,
  scopeOf,
} from '../../../functions/instances/instance.ts';
import { instance, strange, stream } from '../../fixtures/given.ts';

const rules: InstanceRules = {
  allowedHostSuffixes: ['.sentinelone.net', '.s1.example'],
  streams: ['threats', 'activities', 'agents'],
};
const least = { instance: 'acme', host: 'usea1-acme.sentinelone.net' };

function refusal(item: Readonly<Record<string, unknown>>): MisconfiguredError {
  try {
    readInstance(item, rules);
  } catch (error) {
    if (error instanceof MisconfiguredError) return error;
    throw error;
  }
  throw new Error(`taken: ${JSON.stringify(item)}`);
}

describe('reading an instance record', () => {
  it('throws nothing but MisconfiguredError, which names an attribute of the contract', () => {
    const attributes = [
      'instance',
      'host',
      'secretId',
      'enabled',
      'pollingInterval',
      'accountIds',
      'siteIds',
      'groupIds',
      'lookbackHours',
      'overlapMinutes',
      'streams',
    ];
    const oddValue = fc.oneof(
      strange,
      fc.constantFrom<unknown>(
        Number.NaN,
        Number.POSITIVE_INFINITY,
        new Set(['1']),
        new Uint8Array(2),
        undefined,
      ),
    );
    const item = fc
      .tuple(fc.constantFrom(...attributes), oddValue, fc.dictionary(fc.string(), strange, { maxKeys: 2 }))
      .map(([attribute, value, more]) => ({ ...more, ...least, [attribute]: value }));
    fc.assert(
      fc.property(fc.oneof(item, fc.dictionary(fc.constantFrom(...attributes), oddValue)), (given) => {
        try {
          expect(readInstance(given, rules).host).toMatch(/^[a-z0-9.-]+\.(sentinelone\.net|s1\.example)$/);
        } catch (error) {
          expect(error).toBeInstanceOf(MisconfiguredError);
          const { attribute, message, remedy } = error as MisconfiguredError;
          expect(attributes).toContain(attribute);
          expect(message.startsWith(`${attribute}: `)).toBe(true);
          expect(remedy).toContain(attribute);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('points at no host but one whose URL is the host itself, under an allowed suffix', () => {
    const pieces = fc.constantFrom(
      ...[
        'usea1',
        '-',
        '.',
        '..',
        ':',
        '443',
        '/',
        '\\',
        '@',
        '#',
        '?',
        '%2f',
        ' ',
        '\t',
        '\n',
        '[::1]',
        '10.0.0.1',
      ],
      ...[
        '.sentinelone.net',
        'sentinelone.net',
        '.evil.com',
        'https://',
        'http://',
        'HTTPS://',
        'ſ',
        'İ',
        '。',
        'K',
      ],
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 5 }), (words) => {
        const host = words.join('');
        let read: string;
        try {
          read = readInstance({ ...least, host }, rules).host;
        } catch {
          return;
        }
        const url = new URL(`https://${read}/web/api/v2.1/threats`);
        expect([url.host, url.username, url.password, url.port]).toEqual([read, '', '', '']);
        expect(url.hostname.endsWith('.sentinelone.net')).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('fills in the defaults', () => {
    expect(readInstance(least, rules)).toEqual(instance);
  });

  const taken: [what: string, attributes: Record<string, unknown>, read: Record<string, unknown>][] = [
    ['a bare host', { host: 'usea1-acme.sentinelone.net' }, { host: 'usea1-acme.sentinelone.net' }],
    ['a full URL', { host: 'https://usea1-acme.sentinelone.net/' }, { host: 'usea1-acme.sentinelone.net' }],
    [
      'a URL without its slash',
      { host: 'https://euce1-100.sentinelone.net' },
      { host: 'euce1-100.sentinelone.net' },
    ],
    ['a host with a slash', { host: 'euce1-100.sentinelone.net/' }, { host: 'euce1-100.sentinelone.net' }],
    ['upper case', { host: 'HTTPS://USEA1-Acme.SentinelOne.NET/' }, { host: 'usea1-acme.sentinelone.net' }],
    ['another allowed suffix', { host: 'a.b.s1.example' }, { host: 'a.b.s1.example' }],
    ['the longest name', { instance: 'a-0'.padEnd(64, '-') }, { instance: 'a-0'.padEnd(64, '-') }],
    ['the name of a secret', { secretId: 'signal-client/sentinelone/x_1+=.@' }, {}],
    [
      'the ARN of a secret',
      { secretId: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:a/b-AbCdEf' },
      {},
    ],
    ['a switch that is off', { enabled: false }, {}],
    ['an interval', { pollingInterval: 15 }, {}],
    ['intervals by stream', { pollingInterval: { threats: 5, agents: 1440 } }, {}],
    ['filters', { accountIds: ['225494730938493804'], siteIds: ['1', '2'], groupIds: [] }, {}],
    ['500 ids', { siteIds: Array(500).fill('225494730938493804') }, {}],
    ['a look-back of nothing', { lookbackHours: 0 }, {}],
    ['a look-back of ten years', { lookbackHours: 87_600 }, {}],
    ['one stream', { streams: ['agents'] }, {}],
    ['attributes that are not known', { note: 'ours', Host: 'x', tags: { a: 1 } }, { note: undefined }],
  ];
  it.each(taken)('takes %s', (_, attributes, read) => {
    expect(readInstance({ ...least, ...attributes }, rules)).toMatchObject({
      ...(read.note === undefined && !('note' in attributes) ? attributes : {}),
      ...('note' in read ? {} : read),
    });
  });

  it('has its own secret where none is named', () => {
    expect(readInstance({ ...least, instance: 'emea-2' }, rules).secretId).toBe(
      'signal-client/sentinelone/emea-2',
    );
  });

  const badHosts: [what: string, host: unknown, problem: RegExp][] = [
    ['with a path', 'usea1-acme.sentinelone.net/web', /path/],
    ['with two slashes behind', 'https://usea1-acme.sentinelone.net//', /path/],
    ['with a query', 'usea1-acme.sentinelone.net?a=b', /path/],
    ['with a fragment', 'evil.com#.sentinelone.net', /path/],
    ['with a backslash', 'evil.com\\.sentinelone.net', /path/],
    ['over plain HTTP', 'http://usea1-acme.sentinelone.net', /https, not http/],
    ['over another protocol', 'ftp://usea1-acme.sentinelone.net', /host name/],
    ['with a user', 'user@usea1-acme.sentinelone.net', /user name/],
    ['with a user and a password', 'https://u:hunter2@usea1-acme.sentinelone.net', /user name/],
    ['that is behind an @', 'usea1-acme.sentinelone.net@evil.com', /user name/],
    ['with a port', 'usea1-acme.sentinelone.net:8443', /port/],
    ['an IPv4 address', '10.0.0.1', /IP address/],
    ['a URL of an IPv4 address', 'https://10.0.0.1/', /IP address/],
    ['an IPv4 address as a number', '2130706433', /IP address/],
    ['an IPv6 address', '[::1]', /IP address/],
    ['a bare IPv6 address', 'fe80::1', /IP address/],
    ['a suffix without its dot', 'evilsentinelone.net', /must end in/],
    ['the suffix alone', 'sentinelone.net', /must end in/],
    ['the suffix and its dot', '.sentinelone.net', /host name/],
    ['the suffix in the middle', 'x.sentinelone.net.evil.com', /must end in/],
    ['a neighbour of the suffix', 'x.sentinelone.network', /must end in/],
    ['another domain', 'console.example.com', /must end in/],
    ['with a dot behind', 'x.sentinelone.net.', /host name/],
    ['with an empty label', 'x..sentinelone.net', /host name/],
    ['with a hyphen in front', '-x.sentinelone.net', /host name/],
    ['with a label of 64', `${'x'.repeat(64)}.sentinelone.net`, /host name/],
    ['of 254', `${'x.'.repeat(119)}sentinelone.net`.padStart(254, 'x'), /host name/],
    ['with a space', ' x.sentinelone.net', /host name/],
    ['with a newline behind', 'x.sentinelone.net\n', /host name/],
    ['with an underscore', 'x_y.sentinelone.net', /host name/],
    ['with letters of another script', 'ехаmple.sentinelone.net', /host name/],
    ['with an escape', 'evil.com%2f.sentinelone.net', /host name/],
    ['empty', '', /host name/],
    ['only https', 'https://', /host name/],
    ['a number', 7, /text/],
    ['null', null, /text/],
    ['absent', undefined, /missing/],
  ];
  it.each(badHosts)('refuses a host %s', (_, host, problem) => {
    const { attribute, message } = refusal({ ...least, host });
    expect(attribute).toBe('host');
    expect(message).toMatch(problem);
    expect(message).not.toContain('hunter2');
  });

  it('says which suffixes are allowed', () => {
    expect(refusal({ ...least, host: 'a.example.com' }).message).toContain('.sentinelone.net or .s1.example');
  });

  const bad: [attribute: string, value: unknown, problem: RegExp][] = [
    ['instance', undefined, /missing/],
    ['instance', '', /1 to 64/],
    ['instance', 'Acme', /a-z/],
    ['instance', 'a b', /a-z/],
    ['instance', 'a/b', /a-z/],
    ['instance', 'acme\n', /a-z/],
    ['instance', 'x'.repeat(65), /1 to 64/],
    ['instance', 7, /text/],
    ['secretId', '', /secret/],
    ['secretId', 'a b', /secret/],
    ['secretId', 'x'.repeat(2049), /secret/],
    ['secretId', 7, /text/],
    ['secretId', null, /text/],
    ['enabled', 'false', /true or false/],
    ['enabled', 0, /true or false/],
    ['pollingInterval', 0, /at least 1 minute/],
    ['pollingInterval', 1441, /1440/],
    ['pollingInterval', -5, /at least 1 minute/],
    ['pollingInterval', Number.NaN, /minutes/],
    ['pollingInterval', '15', /minutes/],
    ['pollingInterval', { threats: 0 }, /minutes/],
    ['pollingInterval', { threats: '15' }, /minutes/],
    ['pollingInterval', { alerts: 15 }, /stream/],
    ['pollingInterval', [15], /minutes/],
    ...['accountIds', 'siteIds', 'groupIds'].flatMap((ids): [string, unknown, RegExp][] => [
      [ids, '1', /list/],
      [ids, new Set(['1']), /list/],
      [ids, [7], /texts/],
      [ids, [''], /digits/],
      [ids, ['1,2'], /digits/],
      [ids, ['1', 'x'], /digits/],
      [ids, ['1'.repeat(21)], /digits/],
      [ids, Array(501).fill('1'), /500/],
    ]),
    ['lookbackHours', -1, /negative/],
    ['lookbackHours', 87_601, /87600/],
    ['lookbackHours', Number.POSITIVE_INFINITY, /87600/],
    ['lookbackHours', '24', /number/],
    ['overlapMinutes', 0, /at least 1/],
    ['overlapMinutes', 61, /at most 60/],
    ['overlapMinutes', 2.5, /whole/],
    ['overlapMinutes', '30', /number/],
    ['streams', 'threats', /list/],
    ['streams', new Set(['threats']), /list/],
    ['streams', ['alerts'], /threats, activities, agents/],
    ['streams', ['threats', 7], /threats, activities, agents/],
  ];
  it.each(bad)('names %s where it is %j', (attribute, value, problem) => {
    const error = refusal({ ...least, [attribute]: value });
    expect(error.attribute).toBe(attribute);
    expect(error.message).toMatch(problem);
    expect(error.remedy).toContain(attribute);
  });
});

describe('what an instance wants', () => {
  const wants: [what: string, enabled: boolean, streams: string[] | undefined, collected: boolean][] = [
    ['all streams where none is named', true, undefined, true],
    ['a stream that is named', true, ['other', 'sightings'], true],
    ['no stream that is not named', true, ['other'], false],
    ['nothing where the list is empty', true, [], false],
    ['nothing when it is off', false, undefined, false],
  ];
  it.each(wants)('is %s', (_, enabled, streams, collected) => {
    expect(collects({ ...instance, enabled, streams }, stream)).toBe(collected);
  });

  it('is polled at the first tick that is as late as it asks', () => {
    fc.assert(
      fc.property(fc.option(fc.integer({ min: 1, max: 1440 }), { nil: undefined }), (minutes) => {
        let expected = 10 * 60_000;
        while (expected < (minutes ?? 0) * 60_000) expected += 10 * 60_000;
        expect(intervalMs({ ...instance, pollingInterval: minutes }, stream)).toBe(expected);
        const byStream = minutes === undefined ? {} : { sightings: minutes, other: 1000 };
        expect(intervalMs({ ...instance, pollingInterval: byStream }, stream)).toBe(expected);
      }),
    );
  });
});

describe('what changes with an edit', () => {
  const item = fc.dictionary(fc.string({ maxLength: 4 }), strange, {
    minKeys: 2,
    maxKeys: 6,
    noNullPrototype: true,
  });

  it('is the fingerprint, with any attribute', () => {
    fc.assert(
      fc.property(item, fc.string(), (given, note) => {
        expect(fingerprint({ ...given, note })).not.toBe(fingerprint({ ...given, note: `${note}.` }));
        expect(fingerprint({ ...given, note })).not.toBe(fingerprint(given));
      }),
    );
  });

  it('is not the order of attributes', () => {
    fc.assert(
      fc.property(item, (given) => {
        expect(fingerprint(Object.fromEntries(Object.entries(given).reverse()))).toBe(fingerprint(given));
      }),
    );
  });

  it('is not the order within a map, which DynamoDB does not promise', () => {
    const [a, b] = [
      { pollingInterval: { threats: 5, agents: 60 } },
      { pollingInterval: { agents: 60, threats: 5 } },
    ];
    expect(fingerprint({ ...least, ...a })).toBe(fingerprint({ ...least, ...b }));
  });

  const scopes: [what: string, edit: Partial<typeof instance>, same: boolean][] = [
    ['the host', { host: 'other.sentinelone.net' }, false],
    ['accountIds', { accountIds: ['1'] }, false],
    ['siteIds', { siteIds: ['1'] }, false],
    ['groupIds', { groupIds: ['1'] }, false],
    ['the token', { secretId: 'other' }, true],
    ['the interval', { pollingInterval: 60 }, true],
    ['the look-back', { lookbackHours: 48 }, true],
    ['the streams', { streams: ['threats'] }, true],
    ['the switch', { enabled: false }, true],
  ];
  it.each(scopes)('as to the scope of a cursor: %s', (_, edit, same) => {
    expect(scopeOf({ ...instance, ...edit }) === scopeOf(instance)).toBe(same);
  });

  it('is not the order of ids, and is the list they are in', () => {
    const scope = (accountIds: string[], siteIds: string[] = []) =>
      scopeOf({ ...instance, accountIds, siteIds });
    expect(scope(['1', '2'])).toBe(scope(['2', '1']));
    expect(scope(['1'], ['2'])).not.toBe(scope(['2'], ['1']));
    expect(scope(['1', '2'])).not.toBe(scope(['12']));
    expect(scope(['1', '2'])).not.toBe(scope(['1'], ['2']));
  });
});

describe('an instance at its bounds', () => {
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
});
