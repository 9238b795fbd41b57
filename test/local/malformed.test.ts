import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { activityText, agentText, ago } from '../fixtures/records.ts';
import type { ReceivedArtifact } from '../support/schema.ts';
import { goodToken, startWorld, type World } from '../support/world.ts';

const host = 'usea1-odd.sentinelone.net';
const sound = (i: number) => activityText(ago(5 - i / 10), { data: { list: [{ a: i }, { b: i }] } });
const spoilt = (text: string, what: string, by: string) => text.replace(what, () => by);

const malformed = {
  'NaN for a number': spoilt(sound(1), '27', 'NaN'),
  'a control character in a text': spoilt(sound(2), '"data"', '"da\u0001ta"'),
  'a comma too many': spoilt(sound(3), '},{', '},,{'),
  'a bracket missing': spoilt(sound(4), ']', ''),
  'a quote missing': spoilt(sound(5), '"data"', '"data'),
  'a brace too many': spoilt(sound(6), '}]', '}}]'),
};
const notUtf8 = {
  'é in Latin-1': Buffer.from(spoilt(sound(7), '"list"', '"léon"'), 'latin1'),
  'a character that is cut': Buffer.from(spoilt(sound(8), '"list"', '"l\xe2\x82st"'), 'latin1'),
};
const large = Buffer.from(spoilt(sound(9), '"list"', `"l\xe9${'x'.repeat(2 ** 21)}"`), 'latin1');
const neighbours = [10, 11, 12, 13].map(sound);

/** In the order in which the console lists them. */
const listed = [
  neighbours[0],
  ...Object.values(malformed).flatMap((text, i) => (i === 3 ? [text, neighbours[1]] : [text])),
  neighbours[2],
  ...Object.values(notUtf8),
  large,
  neighbours[3],
].map((one) => Buffer.from(one as string | Buffer));

let world: World;
let artifacts: ReceivedArtifact[];

beforeAll(async () => {
  world = await startWorld({ hosts: { [host]: {} } });
  world.consoles.console(host).faults.push(({ path, query }) => {
    if (path !== '/activities' || query.countOnly === 'true') return undefined;
    const from = Number(query.cursor ?? 0);
    const end = from + Math.min(Number(query.limit), 100);
    const some = listed.slice(from, end).flatMap((one, i) => (i === 0 ? [one] : [Buffer.from(','), one]));
    const nextCursor = end < listed.length ? String(end) : null;
    const body = [
      '\uFEFF{"data":[',
      ...some,
      `],"pagination":${JSON.stringify({ nextCursor })},"errors":[]}`,
    ];
    const headers = { 'content-type': 'application/json' };
    return { answer: { status: 200, headers, body: Buffer.concat(body.map((one) => Buffer.from(one))) } };
  });
  await world.collector.addInstance({ instance: 'odd', host }, goodToken);
  await world.tick('activities');
  artifacts = await world.artifacts();
});
afterAll(() => world.close());

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const only = (found: ReceivedArtifact[]): ReceivedArtifact => {
  expect(found).toHaveLength(1);
  return found[0] as ReceivedArtifact;
};

test.each(Object.entries(malformed))('a record with %s is delivered by its hash, with a mark', (_, text) => {
  const { raw, metadata } = only(artifacts.filter((one) => one.raw === text));
  expect(raw).toBe(text);
  expect(metadata).toMatchObject({
    recordId: sha256(text),
    malformed: 'true',
    streamName: 'sentinelone_mgmt',
  });
});

test('its neighbours are delivered as ever', () => {
  for (const text of neighbours) {
    const { metadata } = only(artifacts.filter(({ raw }) => raw === text));
    expect(metadata.recordId).toBe(JSON.parse(text).id);
    expect(metadata).not.toHaveProperty('malformed');
    expect(metadata).not.toHaveProperty('rawEncoding');
  }
  expect(artifacts).toHaveLength(listed.length);
});

test.each(Object.entries(notUtf8))('a record with %s keeps its bytes, in base64', (_, bytes) => {
  const { metadata } = only(artifacts.filter(({ raw }) => raw === bytes.toString('base64')));
  expect(metadata).toMatchObject({
    rawEncoding: 'base64',
    recordId: /"id":"(\d+)"/.exec(String(bytes))?.[1],
  });
});

test('one that is too large for a message keeps its bytes in the overflow bucket', async () => {
  const { raw, metadata } = only(artifacts.filter((one) => one.metadata.rawLocation !== undefined));
  expect(raw).toBe('{}');
  expect(metadata).not.toHaveProperty('rawEncoding');
  const kept = await world.collector.overflow(String(metadata.rawLocation), 'base64');
  expect(kept === large.toString('base64')).toBe(true);
});

test('a warning names them, and the next poll delivers none of them again', async () => {
  expect(world.log).toContainEqual(
    expect.objectContaining({
      level: 'WARN',
      instance: 'odd',
      stream: 'activities',
      malformed: 6,
      notUtf8: 3,
      recordIds: Object.values(malformed).slice(0, 5).map(sha256),
    }),
  );
  expect(await world.status('odd', 'activities')).toMatchObject({ state: 'ok', lastCount: listed.length });
  await world.tick('activities', 30);
  const again = await world.status('odd', 'activities');
  expect(again, again.lastError).toMatchObject({ state: 'ok', lastCount: 0 });
});

test('the address of an agent is the one that an analyst would look for', async () => {
  const interfaces = (...addresses: string[]) =>
    addresses.map((address, i) => ({
      name: `eth${i}`,
      inet: [address],
      inet6: [],
      physical: `0a:00:00:00:00:0${i}`,
    }));
  const agents = {
    '10.20.30.40': { networkInterfaces: interfaces('127.0.0.1', '169.254.7.7', '172.17.0.1', '10.20.30.40') },
    '10.20.30.42': {
      networkInterfaces: interfaces('10.20.30.41', '10.20.30.42'),
      lastIpToMgmt: '10.20.30.42',
    },
  };
  for (const fields of Object.values(agents))
    world.consoles.console(host).put('agents', agentText(ago(5), fields));
  await world.tick('agents');
  const found = (await world.artifacts()).filter(({ metadata }) => metadata.stream === 'agents');
  expect(found.map(({ metadata }) => metadata.clientIP)).toEqual(Object.keys(agents));
});
