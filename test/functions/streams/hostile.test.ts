import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPage } from '../../../functions/console/page.ts';
import { readRecord } from '../../../functions/console/record.ts';
import { deliverRecords } from '../../../functions/deliver/deliver.ts';
import type { Json } from '../../../functions/kit/json.ts';
import { streams } from '../../../functions/streams/list.ts';
import type { Stream } from '../../../functions/streams/stream.ts';
import { FakeQueue } from '../../fakes/queue.ts';
import { FakeOverflow } from '../../fakes/stores.ts';
import { instance, standingClock } from '../../fixtures/given.ts';
import { goldenRecords } from '../../fixtures/records.ts';
import { readMessage } from '../../support/schema.ts';

/** JSON texts that no mapping expects: wrong types, sizes, names and halves of characters. */
const odd = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.constantFrom(
      ...[
        'null',
        'true',
        'false',
        '0',
        '-0',
        '1.5',
        '1e400',
        '133',
        '1234567890123456789',
        '[]',
        '{}',
        '[[],[[]]]',
      ],
      ...['""', '" "', '"None"', '"N/A"', '"true"', '"mitigated"', '"Ransomware"', '"1.2.3.4"', '"::1"'],
      ...[
        '"1.2.3"',
        '"02:00:5e:00:00:01"',
        '"T1059.001/T1059/002"',
        '"2026-03-01T12:00:00+25:00"',
        '"\\u0000"',
      ],
      ...[
        '"\\ud800"',
        '"\\udc00\\ud800"',
        '"\\ufffe\\uffff"',
        '"\uFFFE\uFFFF"',
        '"\u2028"',
        '"toString"',
        '[null]',
      ],
      ...[
        '[{"inet":[["1.2.3.4"]]}]',
        '{"__proto__":{"id":"7"}}',
        '{"toString":null,"length":-1}',
        '["a",["b"],7]',
      ],
    ),
  },
  { weight: 6, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }).map((text) => JSON.stringify(text)) },
  { weight: 4, arbitrary: fc.json({ maxDepth: 3 }) },
  { weight: 2, arbitrary: fc.constantFrom('"a",', '"\\u0001",', '"T1059",', '[[]],').map(listOf300) },
  { weight: 2, arbitrary: fc.nat(3).map((more) => `"${'😀'.repeat(2047)}${'a'.repeat(more)}😀"`) },
  { weight: 1, arbitrary: fc.constantFrom('[', '{"a":').map((open) => nested(open, 500)) },
);

/** Rarer than the others: a few thousand of them would take a minute. */
const huge = fc.constantFrom(
  `"${'x'.repeat(2 ** 20)}"`,
  `"${'\\u0001'.repeat(2 ** 18)}"`,
  `[${`"${'é'.repeat(3500)}",`.repeat(299)}""]`,
);

function listOf300(item: string): string {
  return `[${item.repeat(299)}${item.slice(0, -1)}]`;
}

function nested(open: string, depth: number): string {
  return `${open.repeat(depth)}0${(open === '[' ? ']' : '}').repeat(depth)}`;
}

/** The value's text, in which any part may be missing, odd, or there twice. */
function spoilt(value: Json): fc.Arbitrary<string> {
  const kept = Array.isArray(value)
    ? fc.tuple(...value.map(spoilt)).map((items) => `[${items.join(', ')}]`)
    : typeof value === 'object' && value !== null
      ? fc.tuple(...Object.entries(value).map(spoiltMember)).map((all) => `{${all.flat().join(',\n')}}`)
      : fc.constant(JSON.stringify(value));
  return fc.oneof({ weight: 12, arbitrary: kept }, { weight: 1, arbitrary: odd });
}

function spoiltMember([name, value]: [string, Json]): fc.Arbitrary<string[]> {
  const member = spoilt(value).map((text) => `${JSON.stringify(name)}: ${text}`);
  return fc.oneof(
    { weight: 20, arbitrary: member.map((one) => [one]) },
    { weight: 1, arbitrary: fc.constant<string[]>([]) },
    { weight: 1, arbitrary: fc.tuple(member, member).map((twice): string[] => twice) },
    { weight: 1, arbitrary: member.map((one) => ['"__proto__": {"id": "7"}', one]) },
  );
}

/** Texts of records that look like the stream's own, or like nothing. */
function hostile(stream: Stream): fc.Arbitrary<string> {
  const own = goldenRecords(stream.name).map(({ text }) => spoilt(JSON.parse(text)));
  return fc.oneof({ weight: 12, arbitrary: fc.oneof(...own) }, { weight: 1, arbitrary: odd });
}

/** What is before and after each value of a record that is text. */
function aroundTexts(record: string): [before: string, after: string][] {
  const values = record.matchAll(/(?<=: )"(?:[^"\\]|\\.)*"/g);
  return [...values].map(({ 0: value, index }) => [
    record.slice(0, index),
    record.slice(index + value.length),
  ]);
}

/** The records as a consumer finds them: in the queue, or where `rawLocation` says. */
async function delivered(texts: readonly string[], stream: Stream) {
  const { records } = readPage(Buffer.from(`{"data":[${texts.join(',')}]}`), 1000);
  const [queue, overflow] = [new FakeQueue(), new FakeOverflow()];
  const limits = { messageBytes: 250 * 1024, remainingMs: () => 60_000 };
  const read = records.map((record) => readRecord(record, stream));
  await deliverRecords(read, stream, instance, limits, { queue, overflow, clock: standingClock() });
  return queue.bodies.flatMap(readMessage).map(({ raw, metadata }) => ({
    raw: metadata.rawLocation === undefined ? raw : overflow.objects.get(metadata.rawLocation),
    metadata,
  }));
}

const halfCharacter = (value: unknown) => typeof value === 'string' && !value.isWellFormed();

async function expectDelivered(texts: readonly string[], stream: Stream) {
  const arrived = await delivered(texts, stream);
  expect(arrived.map(({ raw }) => raw)).toEqual(texts);
  for (const { metadata } of arrived) {
    expect(Object.values(metadata).flat().filter(halfCharacter)).toEqual([]);
  }
}

/** 3 streams of 340 pages of 10 records. */
describe('records of hostile shapes, ten thousand of them,', () => {
  it.each(streams.map((stream) => [stream.name, stream] as const))(
    'of %s arrive unchanged, with metadata that the schema allows',
    async (_, stream) => {
      const page = fc.array(hostile(stream), { minLength: 10, maxLength: 10 });
      await fc.assert(
        fc.asyncProperty(page, (texts) => expectDelivered(texts, stream)),
        { numRuns: 340 },
      );
    },
  );

  it.each(streams.map((stream) => [stream.name, stream] as const))(
    'of %s arrive unchanged where any one value is huge',
    async (_, stream) => {
      const places = goldenRecords(stream.name).flatMap(({ text }) => aroundTexts(text));
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...places), huge, ([before, after], value) =>
          expectDelivered([`${before}${value}${after}`], stream),
        ),
        { numRuns: 40 },
      );
    },
  );
});
