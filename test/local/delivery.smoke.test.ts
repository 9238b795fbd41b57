import { afterAll, beforeAll, expect, test } from 'vitest';
import { ago, freshId } from '../fixtures/records.ts';
import type { ReceivedArtifact } from '../support/schema.ts';
import { startWorld, type World } from '../support/world.ts';

const host = 'usea1-bytes.sentinelone.net';
const createdAt = ago(30);
const big = 'ä'.repeat(1024 * 1024);

/** Each is valid JSON that no parser and printer would give back. */
const awkward: Record<string, string> = {
  'spaces and line breaks': `{ "id" : "${freshId()}" ,\n\t"createdAt": "${createdAt}" , "data" : { } }`,
  'escaped ASCII': String.raw`{"id":"${freshId()}","createdAt":"${createdAt}","data":{"name":"\u0041\u0042\/\"\\"}}`,
  'negative zero': `{"id":"${freshId()}","createdAt":"${createdAt}","data":{"value":-0}}`,
  'a number beyond every float': `{"id":"${freshId()}","createdAt":"${createdAt}","data":{"value":1e400}}`,
  'a number of 19 digits': `{"id":"${freshId()}","createdAt":"${createdAt}","data":{"ruleId":1234567898765432123}}`,
  'duplicate keys': `{"id":"${freshId()}","createdAt":"${createdAt}","data":{"a":1,"a":2}}`,
  'U+FFFE and U+FFFF': `{"id":"${freshId()}","createdAt":"${createdAt}","data":{"fileDisplayName":"a\uFFFEb\uFFFFc"}}`,
  'a string of 2 MB': `{"id":"${freshId()}","createdAt":"${createdAt}","data":{"text":"${big}"}}`,
  'brackets and quotes in strings': String.raw`{"id":"${freshId()}","createdAt":"${createdAt}","data":{"text":"}]\",{[\\"}}`,
};

let world: World;
let artifacts: ReceivedArtifact[];

beforeAll(async () => {
  world = await startWorld({ hosts: { [host]: {} } });
  for (const text of Object.values(awkward)) world.consoles.console(host).put('activities', text);
  await world.collector.addInstance({ instance: 'bytes', host }, 'a-good-token');
  await world.tick('activities');
  artifacts = await world.artifacts();
});
afterAll(() => world.close());

function artifactOf(text: string): ReceivedArtifact {
  const found = artifacts.filter(({ metadata }) => text.includes(`"${metadata.recordId}"`));
  expect(found).toHaveLength(1);
  return found[0] as ReceivedArtifact;
}

test.each(Object.entries(awkward))('a record with %s arrives byte for byte', async (_, text) => {
  const { raw, metadata } = artifactOf(text);
  if (metadata.rawLocation === undefined) {
    expect(raw).toBe(text);
  } else {
    expect(raw).toBe('{}');
    expect(await world.collector.overflow(String(metadata.rawLocation))).toBe(text);
  }
});

test('only the record that no message can hold goes to the overflow bucket', () => {
  const elsewhere = artifacts.filter(({ metadata }) => metadata.rawLocation !== undefined);
  expect(elsewhere).toEqual([artifactOf(awkward['a string of 2 MB'] as string)]);
});

test('each record arrives once, with the metadata that is always there', () => {
  expect(artifacts).toHaveLength(Object.keys(awkward).length);
  for (const { source, metadata, timestamp } of artifacts) {
    expect(source).toBe('sentinelone');
    expect(timestamp).toBe(createdAt);
    expect(metadata).toMatchObject({
      id: `bytes/activities/${metadata.recordId}`,
      instance: 'bytes',
      stream: 'activities',
      connector: 'signal-client.sentinelone',
      senderHost: host,
      streamName: 'sentinelone_mgmt',
    });
  }
});

test('messages say whose they are and how many artifacts they hold', () => {
  for (const { Body = '', MessageAttributes } of world.messages) {
    expect(MessageAttributes?.instance?.StringValue).toBe('bytes');
    expect(MessageAttributes?.stream?.StringValue).toBe('activities');
    expect(MessageAttributes?.count?.StringValue).toBe(String(JSON.parse(Body).artifacts.length));
  }
});

test('the log line of a poll says what was fetched and how far it is', () => {
  const line = world.log.find(
    ({ message }) => message === `sentinelone: fetched ${artifacts.length} activities`,
  );
  expect(line).toMatchObject({
    instance: 'bytes',
    stream: 'activities',
    pages: 1,
    artifacts: artifacts.length,
    caughtUp: true,
  });
  expect(Object.keys(line ?? {})).toEqual(expect.arrayContaining(['position', 'lagSeconds', 'durationMs']));
});
