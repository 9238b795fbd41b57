import { describe, expect, it } from 'vitest';
import {
  type ForwarderEnvironment,
  readForwarderEnvironment,
} from '../../functions/forwarder-environment.ts';

const good: ForwarderEnvironment = {
  ANALYTICS_URL: 'https://analytics.example.com',
  ANALYTICS_SECRET: 'signal-client/analytics',
  DEAD_LETTER_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/123456789012/dead',
  CURSORS_TABLE: 'cursors',
  ACCEPTED_TABLE: 'accepted',
  ACCEPTED_DAYS: '7',
  REQUEST_KIB: '1024',
};
const read = (changes: Partial<Record<keyof ForwarderEnvironment, string | undefined>>) =>
  readForwarderEnvironment({ ...good, ...changes } as Partial<ForwarderEnvironment>);

describe("the forwarder's environment", () => {
  it('is read into what it uses', () => {
    expect(readForwarderEnvironment(good)).toEqual({
      analyticsUrl: 'https://analytics.example.com',
      secretId: 'signal-client/analytics',
      deadLetterQueueUrl: 'https://sqs.eu-west-1.amazonaws.com/123456789012/dead',
      cursorsTable: 'cursors',
      acceptedTable: 'accepted',
      acceptedDays: 7,
      settings: { requestBytes: 1_048_576 },
    });
  });

  it('remembers no ids where there is no table for them', () => {
    expect(read({ ACCEPTED_TABLE: '', ACCEPTED_DAYS: '0' })).toMatchObject({
      acceptedTable: undefined,
      acceptedDays: 0,
    });
  });

  it.each(Object.keys(good).filter((name) => name !== 'ACCEPTED_TABLE') as (keyof ForwarderEnvironment)[])(
    'without %s is an error that names it',
    (name) => {
      for (const value of [undefined, '']) expect(() => read({ [name]: value })).toThrow(name);
    },
  );

  it.each([
    ['REQUEST_KIB', '0'],
    ['REQUEST_KIB', 'many'],
    ['ACCEPTED_DAYS', '-1'],
    ['ACCEPTED_DAYS', 'NaN'],
  ])('with %s=%s is an error that names it', (name, value) => {
    expect(() => read({ [name]: value })).toThrow(name);
  });

  it.each([
    ['https://analytics.example.com/', 'https://analytics.example.com'],
    ['https://ANALYTICS.example.com:8443//', 'https://analytics.example.com:8443'],
    ['https://proxy.example.com/witfoo/api/', 'https://proxy.example.com/witfoo/api'],
  ])('takes the address %s', (given, taken) => {
    expect(read({ ANALYTICS_URL: given }).analyticsUrl).toBe(taken);
  });

  it.each([
    'http://analytics.example.com',
    'analytics.example.com',
    'https://me:hunter2@analytics.example.com',
    'https://analytics.example.com/?token=hunter2',
    'https://analytics.example.com/#hunter2',
    'file:///etc/hunter2',
  ])('does not take the address %s, nor quote it', (url) => {
    expect(() => read({ ANALYTICS_URL: url })).toThrow(
      /^environment variable ANALYTICS_URL is not an address such as https:\/\/analytics\.example\.com$/,
    );
  });
});
