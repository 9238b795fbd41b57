import { describe, expect, it } from 'vitest';
import { activities } from '../../../functions/streams/activities.ts';

const types = (from: number, to = from) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('an activity', () => {
  it.each([133, 134])('of type %i is a failed login', (activityType) => {
    expect(activities.metadata({ activityType })).toMatchObject({
      messageType: 'auth_failure',
      severityLabel: 'medium',
    });
  });

  it.each([...types(23, 25), 3006, 3016, 3021, ...types(5020, 5022), ...types(5040, 5045)])(
    'of type %i changes the configuration',
    (activityType) => {
      expect(activities.metadata({ activityType })).toMatchObject({
        messageType: 'config_change',
        severityLabel: 'informational',
      });
    },
  );

  it.each([17, 22, 26, 27, 90, 2001, 5019, 5023, 5046, 99_999, 0, -1, null, '', 'toString', true])(
    'of type %j is one of the many others',
    (activityType) => {
      expect(activities.metadata({ activityType })).toMatchObject({
        messageType: 'endpoint_protection',
        severityLabel: 'informational',
      });
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
      expect(activities.metadata({ data })).not.toHaveProperty('clientHostname');
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
