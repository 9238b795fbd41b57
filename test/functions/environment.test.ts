import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../../functions/collect/settings.ts';
import {
  type ForwarderEnvironment,
  type OperatorEnvironment,
  type PollerEnvironment,
  readForwarderEnvironment,
  readOperatorEnvironment,
  readPollerEnvironment,
  readWidgetEnvironment,
  variable,
  type WidgetEnvironment,
} from '../../functions/environment.ts';
import { requestBytes } from '../../functions/forward/settings.ts';
import { streams } from '../../functions/streams/list.ts';

const poller: PollerEnvironment = {
  stream: 'threats',
  instancesTable: 'instances',
  cursorsTable: 'cursors',
  ledgerTable: 'ledger',
  artifactQueueUrl: 'https://sqs.eu-west-1.amazonaws.com/123456789012/artifacts',
  overflowBucket: 'overflow',
  allowedHostSuffixes: ['.sentinelone.net', '.S1.example'],
  overlapMs: 600_000,
  requestsPerSecond: 6,
  furtherRuns: true,
  metrics: 'full',
  alarmLagSeconds: 7200,
  quietMs: 96 * 3_600_000,
};
const forwarder: ForwarderEnvironment = {
  analyticsUrl: 'https://analytics.example.com',
  secretId: 'signal-client/analytics',
  deadLetterQueueUrl: 'https://sqs.eu-west-1.amazonaws.com/123456789012/dead',
  ledgerTable: 'ledger',
  cursorsTable: 'cursors',
  metrics: 'alarms',
  accepted: { table: 'accepted', days: 7 },
};

const operator: OperatorEnvironment = {
  instancesTable: 'instances',
  cursorsTable: 'cursors',
  artifactQueueUrl: poller.artifactQueueUrl,
  overflowBucket: 'overflow',
  allowedHostSuffixes: ['.sentinelone.net'],
  overlapMs: 600_000,
  requestsPerSecondByStream: { threats: 2 },
};
const widget: WidgetEnvironment = {
  instancesTable: 'instances',
  cursorsTable: 'cursors',
  allowedHostSuffixes: ['.sentinelone.net'],
  quietHours: { agents: 96 },
};

const of = (value: object) => ({ [variable]: JSON.stringify(value) });
const readPoller = (changes: object = {}) => readPollerEnvironment(of({ ...poller, ...changes }), streams);
const readOperator = (changes: object = {}) =>
  readOperatorEnvironment(of({ ...operator, ...changes }), streams);
const readForwarder = (changes: object = {}) => readForwarderEnvironment(of({ ...forwarder, ...changes }));
const readWidget = (changes: object = {}) => readWidgetEnvironment(of({ ...widget, ...changes }));

const entries: readonly [string, (changes: object) => unknown, object][] = [
  ['poller', readPoller, poller],
  ['operator', readOperator, operator],
  ['forwarder', readForwarder, forwarder],
  ['widget', readWidget, widget],
];

describe.each(entries)('the environment of the %s', (_, read, good) => {
  const required = Object.keys(good).filter(
    (name) => name !== 'quietMs' && name !== 'accepted' && !/^quietHours$|ByStream$/.test(name),
  );

  it.each(required)('names %s where it is missing or of another type', (name) => {
    for (const value of [undefined, null, '', {}]) {
      expect(() => read({ [name]: value })).toThrow(new RegExp(`^environment variable COLLECTOR: ${name}: `));
    }
  });

  it('is read whole, or an Error names the variable', () => {
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom(undefined, '', 0, -1, '1e3', 7));
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(good)), value, (name, given) => {
        try {
          read({ [name]: given });
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          expect((error as Error).message).toContain(`environment variable ${variable}: ${name}`);
        }
      }),
      { numRuns: 300 },
    );
  });
});

it.each([
  [{}, 'environment variable COLLECTOR is missing'],
  [{ [variable]: '{"stream"' }, 'environment variable COLLECTOR is not JSON'],
  [{ [variable]: '[]' }, 'environment variable COLLECTOR: '],
])('without its variable as a JSON object, %j, a function does not start', (variables, says) => {
  expect(() => readWidgetEnvironment(variables)).toThrow(says);
});

describe('a poller', () => {
  it('is told all that it uses', () => {
    expect(readPoller()).toEqual({
      stream: streams.find(({ name }) => name === 'threats'),
      settings: {
        ...limits,
        instanceRules: {
          allowedHostSuffixes: ['.sentinelone.net', '.s1.example'],
          streams: streams.map(({ name }) => name),
        },
        pageBytes: 16 * 1024 * 1024,
        overlapMs: 600_000,
        forwards: false,
        healthArtifacts: false,
        requestsPerSecond: 6,
        quietMs: 96 * 3_600_000,
      },
      instancesTable: 'instances',
      cursorsTable: 'cursors',
      ledgerTable: 'ledger',
      artifactQueueUrl: poller.artifactQueueUrl,
      overflowBucket: 'overflow',
      metrics: 'full',
      alarmLagSeconds: 7200,
    });
  });

  it.each(Object.keys(limits) as (keyof typeof limits)[])('may be told another %s', (name) => {
    expect(readPoller({ [name]: 7 }).settings[name]).toBe(7);
    for (const wrong of [-1, 'ten', null])
      expect(() => readPoller({ [name]: wrong })).toThrow(new RegExp(`COLLECTOR: ${name}: `));
  });

  it('may run more often, ends before its next tick, and asks for smaller pages in time', () => {
    expect(readPoller().settings.pageTimeoutMs).toBe(60_000);
    const { stream, settings } = readPoller({ cadenceMinutes: 1 });
    expect(stream).toMatchObject({ name: 'threats', cadenceMinutes: 1, timeoutSeconds: 54 });
    // After one of them there is time for another, and for delivering.
    expect(settings.pageTimeoutMs).toBe(18_000);
    expect(readPoller({ cadenceMinutes: 1, pageTimeoutMs: 7 }).settings.pageTimeoutMs).toBe(7);
    for (const wrong of [0, '1', null])
      expect(() => readPoller({ cadenceMinutes: wrong })).toThrow('cadenceMinutes');
  });

  it('polls all instances itself where there are no further runs', () => {
    expect(readPoller({ furtherRuns: false }).settings.instancesPerRun).toBe(Number.POSITIVE_INFINITY);
  });

  it.each(['overlapMs', 'requestsPerSecond', 'quietMs'])('is refused %s unless it is positive', (name) => {
    for (const wrong of [0, -1, '10']) expect(() => readPoller({ [name]: wrong })).toThrow(name);
  });

  it('may find no silence unusual, and check no past hours', () => {
    const { settings } = readPoller({ quietMs: undefined, hoursPerPoll: 0 });
    expect(settings).not.toHaveProperty('quietMs');
    expect(settings.hoursPerPoll).toBe(0);
  });

  it.each(streams.map(({ name }) => name))('may be that of %s', (name) => {
    expect(readPoller({ stream: name }).stream.name).toBe(name);
  });

  it.each(['alert', 'Threats', 'threats ', 'toString'])('polls no stream %j', (name) => {
    expect(() => readPoller({ stream: name })).toThrow(/stream/);
  });

  it.each([
    [[]],
    [['']],
    [['.sentinelone.net', '']],
    [['sentinelone.net']],
    [['.net']],
    [['.sentinelone.net,.s1.example']],
    ['.sentinelone.net'],
  ])('allows no host that does not end in a suffix, though they are given as %j', (suffixes) => {
    expect(() => readPoller({ allowedHostSuffixes: suffixes })).toThrow(/allowedHostSuffixes/);
  });
});

it('the operator function has the rate of each stream: the one that is set, or its own', () => {
  const { settingsOf } = readOperator();
  expect(streams.map((stream) => settingsOf(stream).requestsPerSecond)).toEqual(
    streams.map(({ name, requestsPerSecond }) => (name === 'threats' ? 2 : requestsPerSecond)),
  );
});

describe('the forwarder', () => {
  it('is told all that it uses', () => {
    expect(readForwarder()).toEqual({ ...forwarder, statusMs: 300_000, settings: { requestBytes } });
  });

  it('remembers no ids where there is no table for them', () => {
    expect(readForwarder({ accepted: undefined })).not.toHaveProperty('accepted');
  });

  it.each([
    ['requestBytes', 0],
    ['requestBytes', '1024'],
    ['accepted', { table: 'accepted', days: 0 }],
    ['accepted', { days: 7 }],
  ])('with %s = %j is an error that names it', (name, value) => {
    expect(() => readForwarder({ [name]: value })).toThrow(name);
  });

  it.each([
    ['https://analytics.example.com/', 'https://analytics.example.com'],
    ['https://ANALYTICS.example.com:8443//', 'https://analytics.example.com:8443'],
    ['https://proxy.example.com/witfoo/api/', 'https://proxy.example.com/witfoo/api'],
  ])('takes the address %s', (given, taken) => {
    expect(readForwarder({ analyticsUrl: given }).analyticsUrl).toBe(taken);
  });

  it.each([
    'http://analytics.example.com',
    'analytics.example.com',
    'https://me:hunter2@analytics.example.com',
    'https://analytics.example.com/?token=hunter2',
    'https://analytics.example.com/#hunter2',
    'file:///etc/hunter2',
  ])('does not take the address %s, nor quote it', (url) => {
    expect(() => readForwarder({ analyticsUrl: url })).toThrow(
      /^environment variable COLLECTOR: analyticsUrl: Not an address such as https:\/\/analytics\.example\.com$/,
    );
  });
});
