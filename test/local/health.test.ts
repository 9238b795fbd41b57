import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { noticeMs } from '../../functions/health/fleet.ts';
import type { CursorStatus } from '../../functions/health/known-status.ts';
import { defaultStreams as streams } from '../../functions/streams/list.ts';
import { readHealth } from '../../local/health.ts';
import { startFunction } from '../../local/lambda/function.ts';
import { healthLines, say } from '../../local/show.ts';
import { type HealthRow, healthRows, healthyItem, nameOf } from '../fixtures/health-rows.ts';
import { announceWorld, ended } from '../support/cli.ts';
import { startWorld, type World } from '../support/world.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
/** The surfaces are read one after the other: no age here is within three minutes of where a verdict changes. */
const now = Date.now();
const seed = Number(process.env.SEED ?? 12);

interface Given {
  readonly record: { readonly instance: string } & Readonly<Record<string, unknown>>;
  readonly items: Readonly<Record<string, CursorStatus | undefined>>;
}

const rows = healthRows(now);
const ofRow = (row: HealthRow): Given => {
  const instance = nameOf(row.says);
  const items = streams.map(({ name }) => [name, name === row.stream ? row.item : healthyItem(now)]);
  return {
    record: { instance, host: `${instance}.sentinelone.net`, ...row.record },
    items: Object.fromEntries(items),
  };
};

/** Mulberry32. */
function randomness(state: number): () => number {
  let a = state;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const states = [
  'ok',
  'ok',
  'ok',
  'pending',
  'backlogged',
  'disabled',
  'misconfigured',
  'unauthorized',
  'forbidden',
  'rate-limited',
  'unreachable',
  'refused',
  'unreadable',
  'undelivered',
  'failed',
  'a-later-state',
] as const;

function mixed(count: number): Given[] {
  const random = randomness(seed);
  const pick = <Value>(values: readonly Value[]) => values[Math.floor(random() * values.length)] as Value;
  const ago = (minutes: number) => new Date(now - minutes * minute).toISOString();
  const sometimes = <Value>(share: number, value: Value) => (random() < share ? value : undefined);
  const ages = [1, 4, 4, 4, 16, 33, 90, 135, 300];
  const item = (): CursorStatus | undefined => {
    if (random() < 0.05) return undefined;
    const state = pick(states);
    const isFailing = !['ok', 'pending', 'backlogged', 'disabled'].includes(state);
    const failingSince = isFailing ? sometimes(0.8, ago(pick(ages))) : undefined;
    return healthyItem(now, {
      state: state as 'ok',
      failures: isFailing ? pick([1, 2, 9]) : 0,
      lastPollAt: ago(pick(ages)),
      lastSuccessAt: ago(pick(ages)),
      lastRecordAt: ago(pick([90, 1440, 100 * 60])),
      nextPollAt: ago(pick([-50, -10, 30])),
      position: `${ago(pick([...ages, 30_000])).slice(0, -1)}000Z`,
      ...(failingSince && { failingSince }),
      ...(isFailing && { lastError: `it is ${state} <b>&"'`, remedy: 'do this' }),
      ...(random() < 0.3 && {
        tokenExpiresAt: ago(pick([-20, -10, -3, -0.5, 0.1, 9].map((days) => days * 1440))),
      }),
    });
  };
  return Array.from({ length: count }, (_, i) => {
    const instance = `m-${String(i).padStart(3, '0')}`;
    const host = pick([...Array(9).fill(`${instance}.sentinelone.net`), `${instance}.example.com`]);
    const broken = pick([
      {},
      {},
      {},
      {},
      {},
      {},
      { enabled: false },
      { lookbackHours: 'x' },
      { streams: ['threats'] },
    ]);
    const slow = random() < 0.2 ? { pollingInterval: 60 } : {};
    return {
      record: { instance, host, ...broken, ...slow },
      items: Object.fromEntries(streams.map(({ name }) => [name, item()])),
    };
  });
}

/** What a surface says of one stream. */
interface Said {
  readonly light: string;
  readonly word: string;
  readonly error: string;
  readonly remedy: string;
}
type Surface = ReadonlyMap<string, Said>;

let world: World;
const folder = mkdtempSync(join(tmpdir(), 'health-'));
let commandLine: { instances: readonly CliInstance[]; surface: Surface; shown: string };
let tiles: Surface;
let lightsOfTiles: Map<string, string>;
/** By instance. */
let table: ReadonlyMap<string, Pick<Said, 'light' | 'word'>>;
const metrics = new Map<string, Record<string, number>>();

interface CliInstance {
  readonly instance: string;
  readonly light: string;
  readonly worst: Said & { readonly since?: string; readonly lagSeconds?: number };
  readonly streams: readonly (Said & {
    readonly stream: string;
    readonly cause?: string;
    readonly alarm?: boolean;
    readonly alarmSince?: string;
  })[];
}

const given = [...rows.map(ofRow), ...mixed(300)];

beforeAll(async () => {
  world = await startWorld({ hosts: {}, overrides: { metrics: 'full' } });
  const { InstancesTableName, CursorsTableName } = world.collector.outputs;
  const put = (TableName: string | undefined, item: object) =>
    world.collector.aws.dynamodb.send(
      new PutItemCommand({ TableName, Item: marshall(item, { removeUndefinedValues: true }) }),
    );
  for (const { record, items } of given) {
    await put(InstancesTableName, record);
    for (const [stream, item] of Object.entries(items)) {
      // Another run holds the claim, so that a run judges what is here and changes nothing.
      const claim = { claim: 'another run', claimUntil: now + day };
      await put(CursorsTableName, {
        instance: record.instance,
        stream,
        firstSeenAt: item?.firstSeenAt,
        ...item?.status,
        ...claim,
      });
    }
  }
  commandLine = await readCommandLine();
  [tiles, lightsOfTiles] = await readTiles();
  table = await readTable();
  for (const { name } of streams) {
    const from = world.log.length;
    await world.tick(name);
    const entries = world.log.slice(from).filter(({ _aws }) => _aws !== undefined);
    metrics.set(name, Object.assign({}, ...entries.filter((entry) => !('state' in entry))));
  }
});
afterAll(async () => {
  await world.close();
  rmSync(folder, { recursive: true });
});

async function readCommandLine() {
  const cli = await announceWorld(world, folder);
  const { out } = await ended(cli(['status', '--json']));
  const instances = JSON.parse(out) as CliInstance[];
  const surface = instances.flatMap(({ instance, streams }) =>
    streams.map(({ stream, light, word, error = '', remedy = '' }) => {
      const said = { light, word, error, remedy: error === '' ? '' : remedy };
      return [`${instance} ${stream}`, said] as const;
    }),
  );
  const { out: shown } = await ended(cli(['show', 'records-25-minutes-late']));
  return { instances, surface: new Map(surface), shown };
}

/** From the HTML of the deployed widget, asked for in parts that are small enough to be shown in full. */
async function readTiles(): Promise<[Surface, Map<string, string>]> {
  const { aws, outputs } = world.collector;
  const { InstancesTableName = '', CursorsTableName = '', HealthRules = '' } = outputs;
  const widget = await startFunction({
    name: 'tiles',
    code: inject('deployment').code,
    handler: 'widget.handler',
    memoryMb: 512,
    timeoutSeconds: 30,
    environment: {
      COLLECTOR: JSON.stringify({
        instancesTable: InstancesTableName,
        cursorsTable: CursorsTableName,
        ...JSON.parse(HealthRules),
      }),
      ...aws.environment,
    },
    onLine: (line) => expect(line).toBe(''),
  });
  const said = new Map<string, Said>();
  const lights = new Map<string, string>();
  const parts = [
    ...rows.map(({ says }) => nameOf(says)),
    ...Array.from({ length: 30 }, (_, i) => `m-${String(i).padStart(2, '0')}`),
  ];
  for (const find of parts) {
    const html = unescaped(String(await widget.invoke({ find })));
    for (const tile of html.split('<div class="s1-tile ').slice(1)) {
      const name = /class="s1-name">([^<]+)</.exec(tile)?.[1] ?? '';
      lights.set(name, /^s1-(\w+)"/.exec(tile)?.[1] ?? '');
      const troubles = [
        ...tile.matchAll(
          /<div class="s1-trouble"><span>([^<]+):<\/span> <bdi>(.*?)<\/bdi><br><span class="s1-do">(.*?)<\/span>/g,
        ),
      ];
      const streamRows = tile.matchAll(
        /<tr class="s1-(\w+)"><th scope="row">.*?<\/i>(\w+)<\/th><td class="s1-word"[^>]*>([^<]+)</g,
      );
      for (const [, light = '', stream = '', word = ''] of streamRows) {
        const [, , error = '', remedy = ''] =
          troubles.find(([, names]) => names?.split(', ').includes(stream)) ?? [];
        // A remedy's command has an element of its own.
        said.set(`${name} ${stream}`, { light, word, error, remedy: remedy.replaceAll(/<[^>]*>/g, '') });
      }
    }
  }
  widget.stop();
  return [said, lights];
}

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
/** Only in texts: a name or an error of this test holds no tag of the tiles. */
const unescaped = (html: string) =>
  html.replaceAll(/&(amp|lt|gt|quot|#39);/g, (_, name) => entities[name] ?? '');

/** What `npm start` prints, in the colours of a terminal. */
async function readTable(): Promise<ReadonlyMap<string, Pick<Said, 'light' | 'word'>>> {
  const { instances } = await readHealth(world.collector, Date.now());
  let printed = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  vi.stubEnv('FORCE_COLOR', '1');
  for (const line of healthLines(instances, Date.now())) say(line);
  vi.unstubAllEnvs();
  write.mockRestore();
  const colours: Record<string, string> = { 31: 'red', 33: 'yellow', 32: 'green', 2: 'grey' };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours of a terminal
  const rows = printed.matchAll(/^\x1b\[(\d+)m(\S+) +(red|yellow|green|grey) +(.+?) {2}/gm);
  return new Map(
    [...rows].map(([, colour = '', instance = '', light = '', word = '']) => [
      instance,
      { light: colours[colour] === light ? light : `${light} in ${colours[colour]}`, word },
    ]),
  );
}

const cut = (surface: ReadonlyMap<string, Pick<Said, 'light' | 'word'>>) =>
  Object.fromEntries([...surface].map(([key, { light, word }]) => [key, `${light} ${word}`]).sort());

describe('command line, tiles, npm start and alarms', () => {
  test.each(rows.map((row) => [row.says, row] as const))('say the same, and it is right: %s', (_, row) => {
    const key = `${nameOf(row.says)} ${row.stream}`;
    const expected = `${row.light} ${row.word}`;
    const all = { commandLine: commandLine.surface, tiles };
    for (const [surface, said] of Object.entries(all)) expect(cut(said)[key], surface).toBe(expected);
    const found = commandLine.instances.find(({ instance }) => instance === nameOf(row.says));
    expect(found).toMatchObject({ light: row.light });
    expect(table.get(nameOf(row.says))).toEqual({ light: row.light, word: found?.worst.word });
    if (row.lagSeconds !== undefined) expect(found?.worst.lagSeconds).toBe(row.lagSeconds);
    expect(found?.worst.since).toBe(row.sinceMs && new Date(now - row.sinceMs).toISOString());
    expect(found?.worst.remedy ?? '').toMatch(row.remedy ?? /^/);
  });

  test('show has how late records become visible, and what the mapping does not know', () => {
    expect(commandLine.shown).toContain(
      '\n  threats late by at most 0s (50 %), 23m 55s (99 %), 23m 55s (99.9 %), 23m 55s (all); overlap 10m; 3 records of about a week\n',
    );
    expect(commandLine.shown).toContain(
      '\n  threats: threatInfo.mitigationStatus has a new value: quarantined (12 records)\n',
    );
  });

  test(`agree on 300 instances in mixed states (seed ${seed})`, () => {
    expect(commandLine.surface.size).toBe(given.length * streams.length);
    expect(cut(tiles)).toEqual(cut(commandLine.surface));
    const worst = commandLine.instances.map(({ instance, worst }) => [instance, worst] as const);
    expect(cut(table)).toEqual(cut(new Map(worst)));
    expect(new Map([...tiles].sort())).toEqual(new Map([...commandLine.surface].sort()));
    const lights = new Map(commandLine.instances.map(({ instance, light }) => [instance, light]));
    expect(new Map([...lightsOfTiles].sort())).toEqual(new Map([...lights].sort()));
    // All of them occur, else this says little.
    expect(new Set(lights.values())).toEqual(new Set(['red', 'yellow', 'green', 'grey']));
  });

  test.each(streams.map((one) => [one.name, one] as const))('have the same sums: %s', (stream, one) => {
    const verdicts = commandLine.instances.flatMap(({ streams }) =>
      streams.filter((one) => one.stream === stream),
    );
    const light = (wanted: string) => verdicts.filter((one) => one.light === wanted).length;
    // Alarms are told what is new, or as old as that by the day.
    const alarms = (cause: string) =>
      verdicts.filter((verdict) => {
        const age = now - Date.parse(verdict.alarmSince ?? '');
        return verdict.alarm && verdict.cause === cause && !(age % (24 * 3_600_000) > noticeMs(one));
      }).length;
    const sent = metrics.get(stream) ?? {};
    const { InstancesRed = -1, InstancesYellow = -1, Instances = -1 } = sent;
    expect({
      red: InstancesRed,
      yellow: InstancesYellow,
      green: Instances - InstancesRed - InstancesYellow,
      grey: given.length - Instances,
      rejected: sent.TokensRejected,
      failing: sent.InstancesFailing,
      silent: sent.InstancesSilent,
      quiet: sent.InstancesQuiet,
    }).toEqual({
      red: light('red'),
      yellow: light('yellow'),
      green: light('green'),
      grey: light('grey'),
      rejected: alarms('rejected'),
      failing: alarms('failing'),
      silent: alarms('silent'),
      quiet: alarms('quiet'),
    });
    expect(light('red') * light('yellow') * light('green') * light('grey')).toBeGreaterThan(0);
  });
});
