import { describe, expect, it } from 'vitest';
import { activities } from '../../../functions/streams/activities.ts';

const types = (from: number, to = from) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('an activity', () => {
  it.each([133, 134, 3625])('of type %i is a failed login', (activityType) => {
    expect(activities.metadata({ activityType })).toMatchObject({
      messageType: 'auth_failure',
      severityLabel: 'medium',
    });
  });

  const changes: [what: string, types: number[]][] = [
    ['users', [...types(23, 25), 37, 42, 67, 88, 102, 103, 1023, 1024, 3626]],
    ['roles', types(107, 109)],
    ['policy and engines', [38, 44, 56, 60, 68, 69, 73, 78, 84, 105, 116, 200, 2100, 2111, 4004]],
    ['anti-tampering', [76]],
    ['remote shell settings', [87]],
    ['exclusions and the blocklist, added, changed and deleted', [3001, 3002, 3005, ...types(3008, 3023)]],
    ['packages', types(3100, 3103)],
    ['detection rules', types(3600, 3603)],
    ['uninstall passwords', types(3610, 3613)],
    ['the marketplace', types(3633, 3637)],
    ['groups and their tokens', [...types(5006, 5008), 5010, 5012]],
    ['sites and their tokens', types(5020, 5029)],
    ['accounts', types(5040, 5045)],
    ['device rules', [...types(5120, 5124), ...types(5127, 5129)]],
    ['firewall rules', [5220, 5221, 5222, 5225, 5226, 5229, 5230, 5231]],
    ['quarantine rules', types(5234, 5241)],
  ];
  it.each(changes)('of %s is a change of the configuration', (_, all) => {
    for (const activityType of all) {
      expect(activities.metadata({ activityType }), String(activityType)).toMatchObject({
        messageType: 'config_change',
        severityLabel: 'informational',
        activityFamily: expect.any(String),
      });
    }
  });

  it.each([17, 26, 27, 33, 47, 71, 90, 2001, 3200, 3604, 5009, 5125, 5126, 5227, 5232])(
    'of type %j is neither, and has a family',
    (activityType) => {
      expect(activities.metadata({ activityType })).toMatchObject({
        messageType: 'endpoint_protection',
        severityLabel: 'informational',
        activityFamily: expect.any(String),
      });
    },
  );

  it.each([5019, 5046, 99_999, 0, -1, null, '', 'toString', '__proto__', true])(
    'of type %j is one of the many others',
    (activityType) => {
      const made = activities.metadata({ activityType });
      expect(made).toMatchObject({ messageType: 'endpoint_protection', severityLabel: 'informational' });
      expect(made.activityTypeName).toBeUndefined();
    },
  );

  it.each([
    [19, 'malicious', 'Trojan', 'malicious_software', 'high'],
    [18, 'suspicious', 'Ransomware', 'malicious_software', 'medium'],
    [20, 'Malicious', 'PUA', 'threat_event', 'high'],
    [22, 'suspicious', null, 'threat_event', 'medium'],
    [22, null, null, 'threat_event', 'low'],
    [4003, null, 'Malware', 'malicious_software', 'medium'],
    [4107, 'suspicious', null, 'threat_event', 'medium'],
    [4107, null, null, 'threat_event', 'medium'],
    [4110, 'malicious', null, 'threat_event', 'high'],
    [4111, null, 'Exploit', 'threat_event', 'high'],
  ])('of type %i, %j and classified %j, is a detection: %s, %s', (...row) => {
    const [activityType, confidenceLevel, threatClassification, messageType, severityLabel] = row as [
      number,
      string | null,
      string | null,
      string,
      string,
    ];
    expect(
      activities.metadata({ activityType, data: { confidenceLevel, threatClassification } }),
    ).toMatchObject({
      messageType,
      severityLabel,
    });
  });

  it.each([
    ['E_CRITICAL', 'critical'],
    ['E_HIGH', 'high'],
    ['E_MEDIUM', 'medium'],
    ['E_LOW', 'low'],
    ['E_INFO', 'informational'],
    ['Low', 'low'],
    ['E_TOMORROW', 'medium'],
    ['', 'medium'],
    [null, 'medium'],
  ])('that is a rule alert of severity %j is %s', (severity, severityLabel) => {
    for (const activityType of [3608, 3784, '3608']) {
      expect(activities.metadata({ activityType, data: { severity } })).toMatchObject({
        messageType: 'threat_event',
        severityLabel,
      });
    }
  });

  it.each([
    ['Effective: root, Real: ann, Login: ann', 'root', 'ann'],
    ['Effective: root, Real: unknown, Login: unknown', 'root', undefined],
    ['Effective: , Real: ann, Login: ', 'ann', 'ann'],
    ['Effective: ann', 'ann', undefined],
    ['CORP\\ann', 'CORP\\ann', undefined],
    ['unknown', undefined, undefined],
    [`Effective: ${', Real: '.repeat(5000)}`, `Effective: ${', Real: '.repeat(5000)}`, undefined],
  ])('that is a rule alert of the process user %j is of %j, %j being logged in', (user, userName, person) => {
    const made = activities.metadata({
      activityType: 3608,
      data: { sourceprocessusername: user, userName: 'the owner', username: 'the owner' },
    });
    expect([made.userName, made.loggedInUser]).toEqual([userName, person]);
  });

  it('that is a rule alert has the remote end of its connection, no matter who opened it', () => {
    const ends = { srcip: '192.0.2.1', srcport: 50_000, dstip: '192.0.2.2', dstport: 443 };
    const made = (neteventdirection: string) =>
      activities.metadata({ activityType: 3608, data: { ...ends, neteventdirection } });
    expect(made('OUTGOING')).toMatchObject({ serverIP: '192.0.2.2', serverPort: '443' });
    expect(made('INCOMING')).toMatchObject({ serverIP: '192.0.2.1', serverPort: '50000' });
  });

  it.each([
    ['{"activityType":3608,"data":{"alertid":"77"}}', '77'],
    ['{"activityType":3608,"data":{"alertId":77}}', '77'],
    [
      '{"activityType":3608,"data":{"a":"\\"alertid\\":1","alertId" : 2116686009748293217}}',
      '2116686009748293217',
    ],
    ['{"activityType":3608,"data":{"alertid":1e300}}', undefined],
    ['{"activityType":3608,"data":{"alertid":null}}', undefined],
    ['{"activityType":27,"data":{"alertid":2116686009748293217}}', undefined],
  ])('sent as %s has the alert id %j', (raw, alertId) => {
    expect(activities.metadata(JSON.parse(raw), raw).alertId).toBe(alertId);
  });

  it.each([
    [{ byUser: 'ann', username: 'bo' }, 'ann', 'bo'],
    [{ byUser: 'ann', username: 'ann' }, 'ann', 'ann'],
    [{ byUser: null, username: 'ann' }, 'ann', undefined],
    [{ byUser: 'unknown', username: 'ann' }, 'ann', undefined],
    [{ byUser: 'ann', username: 'unknown' }, 'ann', undefined],
    [{ username: 'unknown', lastLoggedInUserName: 'bo' }, 'bo', undefined],
    [{ username: 'Unknown' }, undefined, undefined],
  ])('with the users %j was done by %j to %j', (data, userName, targetUserName) => {
    const made = activities.metadata({ activityType: 25, data });
    expect([made.userName, made.targetUserName]).toEqual([userName, targetUserName]);
  });

  it.each([
    ['first', 'second', 27, 'first'],
    [null, 'second', 27, 'second'],
    [null, null, 27, 'User logged in'],
    ['', ' ', 99_999, 'Activity of type 99999'],
    [null, null, null, undefined],
  ])(
    'described as %j and %j, of type %j, says %j',
    (primaryDescription, secondaryDescription, activityType, message) => {
      expect(activities.metadata({ primaryDescription, secondaryDescription, activityType }).message).toBe(
        message,
      );
    },
  );

  it('is of the management stream, begins when it was created, on the computer it is about', () => {
    expect(
      activities.metadata({
        activityType: 27,
        createdAt: '2026-03-01T12:00:00.257525Z',
        data: { computerName: 'LAPTOP-1' },
      }),
    ).toMatchObject({
      streamName: 'sentinelone_mgmt',
      startTimeUTC: '2026-03-01T12:00:00.257525Z',
      clientHostname: 'LAPTOP-1',
    });
  });

  it.each([null, [], 'text', { computerName: '' }, { computerName: 7 }])(
    'with data %j has no host',
    (data) => {
      expect(activities.metadata({ data }).clientHostname).toBeUndefined();
    },
  );

  it('is asked for by when it was created: the API knows no other time for it', () => {
    expect([activities.orderedBy, activities.time, activities.query]).toEqual([
      'createdAt',
      ['createdAt'],
      { includeHidden: 'false' },
    ]);
  });
});
