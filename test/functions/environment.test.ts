import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Environment, readEnvironment } from '../../functions/environment.ts';
import { streams } from '../../functions/streams/list.ts';

const good: Environment = {
  STREAM: 'threats',
  INSTANCES_TABLE: 'instances',
  CURSORS_TABLE: 'cursors',
  ARTIFACT_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/123456789012/artifacts',
  OVERFLOW_BUCKET: 'overflow',
  ALLOWED_HOST_SUFFIXES: '.sentinelone.net,.S1.example',
  MESSAGE_KIB: '250',
  OVERLAP_MINUTES: '10',
  MEMORY_ENTRIES: '20000',
  REQUESTS_PER_SECOND: '6',
  INSTANCES_PER_RUN: '200',
  INSTANCES_AT_ONCE: '20',
  PAGES_PER_TURN: '5',
  PAGES_PER_RUN: '1000',
  AUDIT_HOURS: '24',
  QUIET_HOURS: '96',
  PER_INSTANCE_METRICS: 'true',
  PAGE_TIMEOUT_SECONDS: '60',
};
const names = Object.keys(good) as (keyof Environment)[];
const optional = new Set<keyof Environment>(['AUDIT_HOURS', 'QUIET_HOURS']);
const numbers = names.filter((name) => /^\d+$/.test(good[name]) && !optional.has(name));

describe('the environment', () => {
  it('is read into what the entry uses', () => {
    expect(readEnvironment(good, streams)).toEqual({
      stream: streams.find(({ name }) => name === 'threats'),
      settings: {
        instanceRules: {
          allowedHostSuffixes: ['.sentinelone.net', '.s1.example'],
          streams: streams.map(({ name }) => name),
        },
        overlapMs: 600_000,
        memoryEntries: 20_000,
        messageBytes: 256_000,
        requestsPerSecond: 6,
        instancesPerRun: 200,
        instancesAtOnce: 20,
        pagesPerTurn: 5,
        pagesPerRun: 1000,
        pageTimeoutMs: 60_000,
        auditMs: 24 * 3_600_000,
        quietMs: 96 * 3_600_000,
      },
      instancesTable: 'instances',
      cursorsTable: 'cursors',
      artifactQueueUrl: good.ARTIFACT_QUEUE_URL,
      overflowBucket: 'overflow',
      perInstanceMetrics: true,
    });
  });

  it('is read whole, or an Error names a variable that is wrong', () => {
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom(undefined, '', ' ', '0', '-1', 'NaN', '1e3', 'Infinity', '7'),
    );
    fc.assert(
      fc.property(fc.constantFrom(...names), value, (name, text) => {
        try {
          const { settings } = readEnvironment({ ...good, [name]: text } as Partial<Environment>, streams);
          const { instanceRules: _, auditMs, ...all } = settings;
          expect(auditMs).toBeGreaterThanOrEqual(0);
          for (const number of Object.values(all)) expect(number).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          expect((error as Error).message).toContain(name);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each(names)('names %s where it is missing or empty', (name) => {
    const { [name]: _, ...others } = good;
    const missing = new RegExp(`\\b${name} is missing`);
    expect(() => readEnvironment(others, streams)).toThrow(missing);
    expect(() => readEnvironment({ ...good, [name]: '' }, streams)).toThrow(missing);
  });

  it.each(numbers)('names %s where it is no positive number', (name) => {
    for (const text of ['0', '-1', 'ten', '10 minutes', 'NaN', ' ']) {
      expect(() => readEnvironment({ ...good, [name]: text }, streams), text).toThrow(
        new RegExp(`\\b${name} is not a positive number`),
      );
    }
  });

  it('may ask for no audits, but for nothing less', () => {
    expect(readEnvironment({ ...good, AUDIT_HOURS: '0' }, streams).settings.auditMs).toBe(0);
    expect(() => readEnvironment({ ...good, AUDIT_HOURS: '-1' }, streams)).toThrow(/AUDIT_HOURS/);
    expect(() => readEnvironment({ ...good, AUDIT_HOURS: 'daily' }, streams)).toThrow(/AUDIT_HOURS/);
  });

  it('may find no silence unusual, and count no instance', () => {
    const { settings, perInstanceMetrics } = readEnvironment(
      { ...good, QUIET_HOURS: '0', PER_INSTANCE_METRICS: 'false' },
      streams,
    );
    expect(settings).not.toHaveProperty('quietMs');
    expect(perInstanceMetrics).toBe(false);
  });

  it.each(streams.map(({ name }) => name))('may be that of %s', (name) => {
    expect(readEnvironment({ ...good, STREAM: name }, streams).stream.name).toBe(name);
  });

  it.each(['alerts', 'Threats', 'threats ', 'toString'])('names no stream %j', (name) => {
    expect(() => readEnvironment({ ...good, STREAM: name }, streams)).toThrow(/STREAM/);
  });

  it.each([
    '.sentinelone.net,',
    ',.sentinelone.net',
    '.sentinelone.net,,.s1.example',
    'sentinelone.net',
    ' ',
  ])('allows no host that does not end in a suffix, though they are written %j', (suffixes) => {
    expect(() => readEnvironment({ ...good, ALLOWED_HOST_SUFFIXES: suffixes }, streams)).toThrow(
      /ALLOWED_HOST_SUFFIXES/,
    );
  });
});
