import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Analytics, startAnalytics } from '../../local/analytics/analytics.ts';
import type { Filters } from '../../local/analytics/search.ts';
import { ago, threatText } from '../fixtures/records.ts';
import { goodToken, startWorld, type World } from '../support/world.ts';

const host = 'usea1-search.sentinelone.net';
const sha256 = '5f'.repeat(32);
const known = threatText(ago(20), {
  threatInfo: {
    createdAt: ago(30),
    updatedAt: ago(20),
    classification: 'Ransomware',
    confidenceLevel: 'malicious',
    mitigationStatus: 'not_mitigated',
    processUser: 'CORP\\jorge.müller',
    threatName: 'invoice (3).exe',
    sha256,
  },
  agentRealtimeInfo: { agentComputerName: 'FIN-LT-0042', siteName: 'Head office' },
});
const others = [threatText(ago(25)), threatText(ago(26), { agentRealtimeInfo: { agentComputerName: 'X' } })];

let analytics: Analytics;
let world: World;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'search-'));
  analytics = await startAnalytics();
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, analytics.caPem);
  world = await startWorld({ hosts: { [host]: {} }, analytics: { url: analytics.url, caFile } });
  world.collector.aws.secrets.put('signal-client/analytics', JSON.stringify(analytics.users[0]));
  for (const text of [known, ...others]) world.consoles.console(host).put('threats', text);
  await world.collector.addInstance({ instance: 'search', host }, goodToken);
  await world.tick('threats');
  await world.collector.forward();
});
afterAll(async () => {
  await world.close();
  await analytics.close();
  await rm(folder, { recursive: true, force: true });
});

const rawFound = (filters: Filters) => analytics.search(filters).map(({ raw }) => raw);

test('every record of the console is found in Analytics, byte for byte', () => {
  expect(rawFound({}).toSorted()).toEqual([known, ...others].toSorted());
});

test.each<[string, Filters, Filters]>([
  ['host name', { host: 'fin-lt-004' }, { host: 'FIN-LT-0043' }],
  ['user', { user: 'CORP\\jorge.müller' }, { user: 'CORP\\jorge.muller' }],
  ['file hash', { hash: sha256.slice(0, 12).toUpperCase() }, { hash: sha256.slice(1) }],
  ['severity', { severity: 'high', host: 'FIN-LT-0042' }, { severity: 'medium' }],
  ['stream', { stream: 'threats', host: 'FIN-LT-0042' }, { stream: 'agents' }],
  ['text', { text: 'INVOICE (3)' }, { text: 'invoice (4)' }],
])('a known threat is found by its %s, alone, and not by a wrong one', (_, right, wrong) => {
  expect(rawFound(right)).toEqual([known]);
  expect(rawFound(wrong)).toEqual([]);
});

test('its metadata says what it is', () => {
  const [found] = analytics.search({ host: 'FIN-LT-0042' });
  expect(found).toMatchObject({
    source: 'sentinelone',
    metadata: {
      streamName: 'sentinelone',
      stream: 'threats',
      messageType: 'ransomware_encryption',
      severityLabel: 'high',
      severityCode: '3',
      clientHostname: 'FIN-LT-0042',
      userName: 'CORP\\jorge.müller',
      fileName: 'invoice (3).exe',
      fileHash: sha256,
      action: 'not_mitigated',
      siteName: 'Head office',
      connector: 'signal-client.sentinelone',
      senderHost: host,
    },
  });
});
