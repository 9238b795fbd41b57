import { describe, expect, it } from 'vitest';
import {
  baseName,
  cloudInstanceId,
  hashes,
  name,
  portNumber,
  severity,
  span,
  techniques,
  time,
} from '../../../functions/streams/fields.ts';

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

  it.each([
    ['b', 'c', 'c'],
    ['b', 'a', 'b'],
    ['b', undefined, undefined],
    [undefined, 'a', 'a'],
  ])('of a span from %j to %j ends at %j', (start, end, endTimeUTC) => {
    expect(span(start, end)).toEqual({ startTimeUTC: start, endTimeUTC });
  });
});

describe('a name', () => {
  it.each(['unknown', 'Unknown', ' UNKNOWN ', 'None', 'none', 'null', 'N/A', '-', '', ' ', null, 7])(
    'that is %j is none',
    (user) => {
      expect(name({ user }, 'user')).toBeUndefined();
    },
  );

  it.each(['unknown.person', 'root', 'NT AUTHORITY\\SYSTEM', '0', 'nullable'])('may be %j', (user) => {
    expect(name({ user }, 'user')).toBe(user);
  });
});

const [md5, sha1, sha256] = ['a'.repeat(32), 'b'.repeat(40), 'C'.repeat(64)] as const;

describe('hashes', () => {
  it('are those among the values, each once, the strongest first', () => {
    expect(hashes([md5, null, sha1, ` ${sha256} `, sha1, 'sha1', 7])).toEqual({
      fileHash: sha256,
      fileHashes: [sha256, sha1, md5],
    });
  });

  it.each([
    '',
    'None',
    'a'.repeat(31),
    'a'.repeat(41),
    'g'.repeat(40),
    `${'a'.repeat(30)}xx`,
    '1'.repeat(19),
  ])('are not %j', (value) => {
    expect(hashes([value])).toEqual({ fileHash: undefined, fileHashes: undefined });
  });
});

describe('techniques', () => {
  it.each([
    ['T1059', ['T1059']],
    [
      '{<a href="https://attack.mitre.org/techniques/T1204/002/" target="_blank">T1204.002</a>}',
      ['T1204.002', 'T1204.002'],
    ],
    ['T10591 AT1059', []],
    ['', []],
  ])('in %j are %j', (said, ids) => {
    expect(techniques(said)).toEqual(ids);
  });
});

describe('a port', () => {
  it.each([
    [443, '443'],
    ['443', '443'],
    [65_535, '65535'],
    [65_536, undefined],
    [0, undefined],
    ['', undefined],
    ['any', undefined],
    [1.5, undefined],
    [null, undefined],
    [[443, 80], undefined],
  ])('sent as %j is %j', (port, expected) => {
    expect(portNumber({ port }, 'port')).toBe(expected);
  });
});

describe('the name of a program', () => {
  it.each([
    ['\\device\\harddiskvolume2\\windows\\svchost.exe', 'svchost.exe'],
    ['/usr/sbin/sshd', 'sshd'],
    ['sshd', 'sshd'],
    ['C:\\', 'C:\\'],
    [undefined, undefined],
  ])('%j is %j', (path, program) => {
    expect(baseName(path)).toBe(program);
  });
});

describe('a cloud’s id of a machine', () => {
  it.each([
    [{ ESXI: {}, Azure: { cloudInstanceId: 'vm-1' } }, 'vm-1'],
    [{ AWS: { cloudInstanceId: null } }, undefined],
    [{}, undefined],
    ['object', undefined],
    [null, undefined],
    [[{ cloudInstanceId: 'vm-1' }], undefined],
  ])('of %j is %j', (providers, id) => {
    expect(cloudInstanceId(providers)).toBe(id);
  });
});
