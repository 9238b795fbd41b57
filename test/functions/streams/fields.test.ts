import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../../functions/kit/json.ts';
import { addresses, firstIpv4, ipAddress, severity, time } from '../../../functions/streams/fields.ts';
import { strange } from '../../fixtures/given.ts';

describe('an IP field', () => {
  it('takes what is an address, and nothing else', () => {
    const almost = fc.stringMatching(/^[0-9a-f.:]{1,24}$/);
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), almost, fc.string()), (value) => {
        const address = value.trim();
        expect(ipAddress({ value }, 'value')).toBe(isIP(address) === 0 ? undefined : address);
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    '',
    ' ',
    'None',
    'N/A',
    'string',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4:443',
    'fe80::1%eth0',
  ])('does not take %j', (value) => {
    expect(ipAddress({ value }, 'value')).toBeUndefined();
    expect(firstIpv4([value])).toBeUndefined();
  });

  it.each(['1.2.3.4', '255.255.255.255', '::1', '2001:DB8::a', '::ffff:192.0.2.1'])('takes %j', (value) => {
    expect(ipAddress({ value }, 'value')).toBe(value);
  });
});

describe('an address between spaces', () => {
  it('is the address alone', () => {
    expect(ipAddress({ value: ' 192.0.2.1\n' }, 'value')).toBe('192.0.2.1');
  });
});

describe('a host’s addresses', () => {
  it('are its first IPv4 and its first MAC, wherever they are', () => {
    const interfaces: Json[] = [
      { inet: ['string', 'fe80::1', null, ['192.0.2.9']], physical: '' },
      null,
      { inet: '192.0.2.8', physical: 'N/A' },
      { inet: [' 192.0.2.7 ', '192.0.2.6'], physical: '02-AB-00-00-00-01' },
      { inet: ['192.0.2.5'], physical: '02:ab:00:00:00:02' },
    ];
    expect(addresses(interfaces)).toEqual({ clientIP: '192.0.2.7', clientMAC: '02-AB-00-00-00-01' });
  });

  it.each([[[]], [[null]], [[{ inet: [], physical: null }]], [[{ inet: ['::1'], physical: '02:ab:00' }]]])(
    'are absent in %j',
    (interfaces: Json[]) => {
      expect(addresses(interfaces)).toEqual({ clientIP: undefined, clientMAC: undefined });
    },
  );

  it('are looked for in anything, without a throw', () => {
    fc.assert(fc.property(fc.array(strange), (values) => void addresses(values)));
  });
});

describe('a severity', () => {
  it('has the number that RFC 5424 gives its label', () => {
    const labels = ['critical', 'high', 'medium', 'low', 'informational'] as const;
    expect(labels.map((label) => severity(label).severityCode)).toEqual(['2', '3', '4', '5', '6']);
    expect(severity('low').severityLabel).toBe('low');
  });
});

describe('a time', () => {
  it('is in UTC with six digits, whatever its form', () => {
    expect(time({ a: { b: '2026-03-01T13:00:00.5+01:00' } }, 'a', 'b')).toBe('2026-03-01T12:00:00.500000Z');
  });

  it.each(['', 'None', 'N/A', 'yesterday', 1_772_000_000, null, true, '2026-13-01T00:00:00Z'])(
    'that is %j is none',
    (value) => {
      expect(time({ value }, 'value')).toBeUndefined();
    },
  );
});
