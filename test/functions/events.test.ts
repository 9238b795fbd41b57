import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRequest, readTick } from '../../functions/events.ts';

const now = Date.parse('2026-03-01T12:00:00Z');
const minute = 60_000;
const scheduled = (time: unknown) => readTick({ time }, now).scheduledAt - now;

describe("a poller's event", () => {
  it('is the tick of a rule, as EventBridge sends it', () => {
    const event = {
      version: '0',
      id: '53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa',
      'detail-type': 'Scheduled Event',
      source: 'aws.events',
      account: '123456789012',
      time: '2026-03-01T11:55:00Z',
      region: 'eu-west-1',
      resources: ['arn:aws:events:eu-west-1:123456789012:rule/threats'],
      detail: {},
    };
    expect(readTick(event, now)).toEqual({ scheduledAt: now - 5 * minute });
  });

  it('is a shard of a tick', () => {
    const place = { number: 1, of: 3, by: 'a run' };
    const event = { time: '2026-03-01T12:00:00.000Z', shard: place };
    expect(readTick(event, now)).toEqual({ scheduledAt: now, place });
  });

  it('can name instances', () => {
    const event = { time: '2026-03-01T12:00:00.000Z', instances: ['acme', 'hooli'] };
    expect(readTick(event, now)).toEqual({ scheduledAt: now, instances: ['acme', 'hooli'] });
  });

  it.each([
    ['no number', { of: 3, by: 'a run' }],
    ['half a number', { number: 0.5, of: 3, by: 'a run' }],
    ['more shards than any tick has', { number: 0, of: 1e9, by: 'a run' }],
    ['more in it', { number: 0, of: 3, by: 'a run', instances: [] }],
  ])('is refused where its shard has %s', (_, shard) => {
    expect(() => readTick({ shard }, now)).toThrow('shard');
  });

  it.each([
    ['an hour ago', '2026-03-01T11:00:00Z', -60],
    ['more than an hour ago', '2026-03-01T10:59:59Z', -60],
    ['years ago', '1970-01-01T00:00:00Z', -60],
    ['in an hour', '2026-03-01T13:00:00Z', 60],
    ['in more than an hour', '2026-03-01T13:00:01Z', 60],
    ['at the end of time', '9999-01-01T00:00:00Z', 60],
    ['with an offset', '2026-03-01T13:30:00+01:00', 30],
  ])('counts for an hour around now at most: %s', (_, time, minutes) => {
    expect(scheduled(time)).toBe(minutes * minute);
  });

  it.each([
    [undefined],
    [null],
    [''],
    ['soon'],
    ['1'],
    ['2026'],
    ['March 1, 2031'],
    ['2026-13-01T00:00:00Z'],
    [0],
    [{}],
  ])('is a tick of now where its time is %o', (time) => {
    expect(scheduled(time)).toBe(0);
  });

  it('has a time near now, whatever is in it', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything(),
          fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
        ),
        (time) => {
          expect(Math.abs(scheduled(time))).toBeLessThanOrEqual(60 * minute);
        },
      ),
    );
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'tick'],
    ['a list', []],
    ['an attribute that is unknown', { pages: 0 }],
    ['instances that are no list', { instances: 'acme' }],
    ['instances that are no texts', { instances: [7] }],
  ])('is refused where it is %s', (_, event) => {
    expect(() => readTick(event, now)).toThrow('the event is not a tick or a shard of one');
  });

  it.each([{ check: { instance: 'acme' } }, { replay: {} }])(
    'of an older command line is refused in words that its operator understands: %o',
    (event) => {
      expect(() => readTick(event, now)).toThrow(
        'The command line is an older version than the stack: update it',
      );
    },
  );
});

const streams = ['threats', 'activities'];
const askedBy = 'arn:aws:sts::123456789012:assumed-role/Soc/jo';
const check = { action: 'check', askedBy, of: 'acme' };
const replay = {
  action: 'replay',
  askedBy,
  instance: 'acme',
  stream: 'threats',
  from: '2026-03-01T00:00:00.000000Z',
  to: '2026-03-02T00:00:00.000000Z',
  by: '0b1c',
};

describe("the operator function's event", () => {
  it.each([
    ['a check by name', check],
    ['a check of a record', { ...check, of: { instance: 'acme', host: 7, note: 'x' } }],
    ['a check of a version of the secret', { ...check, version: '0b1c0b1c-0b1c-0b1c-0b1c-0b1c0b1c0b1c' }],
    ['a replay', replay],
  ])('is %s', (_, event) => {
    expect(readRequest(event, streams)).toEqual(event);
  });

  it.each<[what: string, event: unknown]>([
    ['nothing', undefined],
    ['empty', {}],
    ['a tick', { time: '2026-03-01T12:00:00Z' }],
    ['a check and a replay', { ...replay, ...check }],
    ['another action', { ...check, action: 'delete' }],
    ['a check of nobody', { ...check, of: '' }],
    ['a check of a record without a name', { ...check, of: { host: 'x' } }],
    ['a check of more than DynamoDB takes', { ...check, of: { instance: 'a', note: 'x'.repeat(410_000) } }],
    ['a check of a version that is none', { ...check, version: 'AWSPREVIOUS' }],
    ['from nobody', { ...check, askedBy: '' }],
    ['from a name with a line break', { ...check, askedBy: 'jo\nroot' }],
    ['from a name that is too long', { ...check, askedBy: 'x'.repeat(301) }],
    ['with more in it', { ...check, token: 'secret' }],
    ['a replay of another stream', { ...replay, stream: 'alerts' }],
    ['a replay of times that are none', { ...replay, from: 'yesterday' }],
    ['a replay of times in another form', { ...replay, from: '2026-03-01T00:00:00Z' }],
    ['a replay that ends before it begins', { ...replay, to: replay.from }],
    ['a replay in a name that is none', { ...replay, by: 'a b' }],
  ])('is refused where it is %s', (_, event) => {
    expect(() => readRequest(event, streams)).toThrow('the event is not a check or a replay of this version');
  });

  it('is refused in words that name the attribute, say what to do and quote no value', () => {
    const event = { ...check, of: { instance: 'acme' }, version: 'the-token' };
    expect(() => readRequest(event, streams)).toThrow(/^"version" is invalid: .*npm run deploy/);
    expect(() => readRequest(event, streams)).not.toThrow('the-token');
    expect(() => readRequest({ ...check, more: 1 }, streams)).toThrow('"more" is missing or unknown');
  });
});
