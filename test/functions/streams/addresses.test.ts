import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../../functions/kit/json.ts';
import {
  addressesIn,
  addressesOf,
  addressesThen,
  ipAddress,
  listed,
} from '../../../functions/streams/addresses.ts';
import { strange } from '../../fixtures/given.ts';

describe('an IP field', () => {
  it('takes what is an address, and nothing else', () => {
    const almost = fc.stringMatching(/^[0-9a-f.:]{1,24}$/);
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), almost, fc.string()), (value) => {
        const address = value.trim();
        const expected = isIP(address) === 0 || address.includes('%') ? undefined : address;
        expect(ipAddress({ value }, 'value')).toBe(expected);
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
    'fe80::1111::2222',
  ])('does not take %j', (value) => {
    expect(ipAddress({ value }, 'value')).toBeUndefined();
    expect(addressesIn([value], []).clientIP).toBeUndefined();
  });

  it.each(['1.2.3.4', '255.255.255.255', '::1', '2001:DB8::a', '::ffff:192.0.2.1'])('takes %j', (value) => {
    expect(ipAddress({ value }, 'value')).toBe(value);
  });

  it('is without the spaces around it', () => {
    expect(ipAddress({ value: ' 192.0.2.1\n' }, 'value')).toBe('192.0.2.1');
  });
});

const card = (name: string, inet: Json, inet6: Json = [], physical: Json = null): Json => ({
  name,
  inet,
  inet6,
  physical,
});
const good = card('Ethernet', ['192.0.2.7'], [], '3c:52:82:00:00:07');

describe('a host’s address', () => {
  it.each([
    ['the loopback', card('lo', ['127.0.0.1'], ['::1'])],
    ['the loopback of a Mac', card('utun5', ['127.0.0.1'], ['fe80::1'])],
    ['a tunnel', card('utun3', ['10.8.0.2'])],
    ['a Docker bridge', card('docker0', ['172.17.0.1'])],
    ['a bridge of Docker Compose', card('br-eecebc98dd4b', ['192.168.80.1'])],
    ['one end of a virtual cable', card('veth133e4a3', ['192.168.81.1'])],
    ['a Docker bridge under another name', card('Ethernet 5', ['172.19.0.1'])],
    ['a network of VirtualBox', card('Ethernet 2', ['192.168.56.1'])],
    ['the virtual switch of WSL', card('vEthernet (WSL)', ['172.29.160.1'])],
    ['a link-local address', card('en7', ['169.254.7.7'])],
    ['an unspecified address', card('en8', ['0.0.0.0'])],
    ['an IPv6 address', card('en9', [], ['2001:db8::9'])],
    ['a link-local IPv6 address', card('en9', [], ['fe80::9'])],
  ])('is not that of %s, where there is another', (_, other) => {
    const expected = { clientIP: '192.0.2.7', clientMAC: '3c:52:82:00:00:07' };
    expect(addressesOf([other, good])).toMatchObject(expected);
    expect(addressesOf([good, other])).toMatchObject(expected);
  });

  it.each([
    ['127.0.0.1', card('lo', ['127.0.0.1'], ['::1'])],
    ['172.17.0.1', card('docker0', ['172.17.0.1'], ['fe80::1'])],
    ['169.254.7.7', card('en7', ['169.254.7.7'])],
    ['2001:db8::9', card('en9', ['169.254.7.7'], ['fe80::9', '2001:db8::9'])],
    ['fd00::9', card('en9', ['127.0.0.1'], ['fd00::9'])],
  ])('is %s, where nothing better is there', (clientIP, only) => {
    expect(addressesOf([only]).clientIP).toBe(clientIP);
  });

  it('is the one that it last used, if a host is reached there', () => {
    const interfaces = [
      good,
      card('Wi-Fi', ['192.0.2.8'], [], 'f0:18:98:00:00:08'),
      card('lo', ['127.0.0.1']),
    ];
    expect(addressesOf(interfaces, '192.0.2.8')).toMatchObject({
      clientIP: '192.0.2.8',
      clientMAC: 'f0:18:98:00:00:08',
    });
    for (const other of ['127.0.0.1', '192.0.2.99', 'None', null, 7]) {
      expect(addressesOf(interfaces, other).clientIP).toBe('192.0.2.7');
    }
    expect(addressesOf([], '192.0.2.99')).toMatchObject({
      clientIP: '192.0.2.99',
      clientIPs: ['192.0.2.99'],
    });
  });

  it('of the past is today’s where it is missing or reaches no host', () => {
    const then = (...ips: string[]) => addressesThen(ips, [card('lo', ['127.0.0.1']), good]);
    expect(then('10.1.1.1', 'fe80::1')).toMatchObject({
      clientIP: '10.1.1.1',
      clientIPs: ['10.1.1.1', 'fe80::1'],
      clientMAC: '3c:52:82:00:00:07',
    });
    expect(then('192.0.2.7').clientMAC).toBe('3c:52:82:00:00:07');
    expect(then().clientIP).toBe('192.0.2.7');
    expect(then('fe80::1', '127.0.0.1').clientIP).toBe('192.0.2.7');
    expect(then('fe80::1').clientIPs).toEqual(['fe80::1', '127.0.0.1', '192.0.2.7']);
  });

  it('of the past has no MAC where today’s host has two and neither has the address', () => {
    const wifi = card('Wi-Fi', ['192.0.2.8'], [], 'f0:18:98:00:00:08');
    expect(addressesThen(['10.1.1.1'], [good, wifi])).toEqual({
      clientIP: '10.1.1.1',
      clientMAC: undefined,
      clientIPs: ['10.1.1.1'],
      clientMACs: ['3c:52:82:00:00:07', 'f0:18:98:00:00:08'],
    });
  });
});

describe('a host’s MAC', () => {
  it.each([
    ['02-AB-00-00-00-01', '02-AB-00-00-00-01'],
    [' 02:ab:00:00:00:01 ', '02:ab:00:00:00:01'],
    ['82:0a:60:ff:fe:00:01:08', '82:0a:60:ff:fe:00:01:08'],
    ['00:00:00:d0:97:b6', '00:00:00:d0:97:b6'],
    ['00:00:00:00:00:00', undefined],
    ['00-00-00-00-00-00-00-00', undefined],
    ['02:ab:00:00:00', undefined],
    ['02:ab:00:00:00:01:02', undefined],
    ['02:ab-00:00:00:01', undefined],
    ['q2:5d:a0:2d:0d:95', undefined],
    ['N/A', undefined],
    [7, undefined],
  ])('sent as %j is %j', (physical, clientMAC) => {
    expect(addressesOf([card('eth0', ['192.0.2.1'], [], physical)]).clientMAC).toBe(clientMAC);
  });

  it('is no other interface’s', () => {
    expect(addressesOf([card('eth0', ['192.0.2.1'], [], '00:00:00:00:00:00'), good])).toMatchObject({
      clientIP: '192.0.2.1',
      clientMAC: undefined,
      clientMACs: ['3c:52:82:00:00:07'],
    });
  });

  it('of a list is one that a maker gave, else the first', () => {
    expect(addressesIn([], ['02:42:ac:11:00:01', '00:50:56:00:00:01']).clientMAC).toBe('00:50:56:00:00:01');
    expect(addressesIn([], ['00:00:00:00:00:00', '02:42:ac:11:00:01', 'aa:42:ac:11:00:01'])).toMatchObject({
      clientMAC: '02:42:ac:11:00:01',
      clientMACs: ['02:42:ac:11:00:01', 'aa:42:ac:11:00:01'],
    });
  });
});

describe('addresses', () => {
  it.each([
    [[]],
    [[null]],
    [[{ inet: [], physical: null }]],
    [[{ inet: '192.0.2.8', physical: '02:ab:00' }]],
  ])('are absent in %j', (interfaces: Json[]) => {
    const none = { clientIP: undefined, clientMAC: undefined, clientIPs: undefined, clientMACs: undefined };
    expect(addressesOf(interfaces)).toEqual(none);
    expect(addressesThen([], interfaces)).toEqual(none);
  });

  it('are looked for in anything, without a throw', () => {
    fc.assert(
      fc.property(fc.array(strange), strange, (values, value) => {
        addressesOf(values, value);
        addressesThen(listed(value, 'data'), values);
      }),
    );
  });

  it('of a list are separated by commas or spaces, and 300 at most', () => {
    expect(listed({ ips: '192.0.2.1,  192.0.2.2;192.0.2.3' }, 'ips')).toEqual([
      '192.0.2.1',
      '192.0.2.2',
      '192.0.2.3',
    ]);
    expect(listed({ ips: '1,'.repeat(100_000) }, 'ips')).toHaveLength(300);
    expect(listed({ ips: null }, 'ips')).toEqual([]);
  });
});
