import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Stream } from '../../functions/streams/stream.ts';
import { bundle } from '../../infra/build/bundle.ts';
import { CollectorApp } from '../../infra/synth.ts';
import { resources, type Template } from '../../local/aws/template.ts';
import { type LocalCollector, startCollector } from '../../local/collector.ts';
import { type Consoles, startConsoles } from '../../local/console/consoles.ts';
import { readMessage } from '../support/schema.ts';

/** Within the project, so that the copied sources find their packages. */
const folder = join(import.meta.dirname, '..', '..', '.build', 'fourth-stream');
const host = 'usea1-fourth.sentinelone.net';

const file = `
import { present, text } from '../kit/json.ts';
import type { Stream } from './stream.ts';

export const exclusions: Stream = {
  name: 'exclusions',
  byDefault: true,
  path: '/exclusions',
  cadenceMinutes: 30,
  timeoutSeconds: 600,
  requestsPerSecond: 2,
  pageSize: 1000,
  timeDigits: 6,
  orderedBy: 'updatedAt',
  time: ['updatedAt'],
  id: ['id'],
  query: {},
  wholeInventory: true,
  permission: 'Exclusions.view',
  metadata: (record) => present({ streamName: 'sentinelone', startTimeUTC: text(record, 'updatedAt') }),
};
`;

let template: Template;
let consoles: Consoles;
let collector: LocalCollector;

/** One new file and one line in the list; everything else is as it is. */
beforeAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await cp(join(import.meta.dirname, '..', '..', 'functions'), join(folder, 'functions'), {
    recursive: true,
  });
  await writeFile(join(folder, 'functions', 'streams', 'exclusions.ts'), file);
  const list = join(folder, 'functions', 'streams', 'list.ts');
  const extended = (await readFile(list, 'utf8'))
    .replace('[threats, ', '[exclusions, threats, ')
    .replace(/^/, "import { exclusions } from './exclusions.ts';\n");
  await writeFile(list, extended);

  const { streams } = (await import(pathToFileURL(list).href)) as { streams: readonly Stream[] };
  const entries = { poller: join(folder, 'functions', 'poller.ts') };
  const code = join(folder, 'bundle');
  bundle(code, { entries });
  const app = new CollectorApp({ streams, code, outdir: join(folder, 'out') });
  template = app.synth().getStackByName(app.stack.stackName).template;
  consoles = await startConsoles({ hosts: { [host]: { tokens: [{ token: 'a-good-token' }] } } });
  consoles.console(host).serve('exclusions');
  collector = await startCollector({
    template,
    code,
    environment: {
      NODE_USE_ENV_PROXY: '1',
      HTTPS_PROXY: consoles.proxyUrl,
      NO_PROXY: '127.0.0.1',
      NODE_EXTRA_CA_CERTS: consoles.caFile,
    },
    onLine: () => undefined,
  });
});
afterAll(async () => {
  await collector?.close();
  await consoles?.close();
  await rm(folder, { recursive: true, force: true });
});

test('a fourth stream has its function and its rule in the template', () => {
  const functions = resources<{ FunctionName: string; Timeout: number }>(template, 'AWS::Lambda::Function');
  const added = functions.find(({ FunctionName }) => FunctionName === 'SentinelOneCollector-exclusions');
  expect(added).toMatchObject({ Timeout: 600 });
  const rules = resources<{ ScheduleExpression: string; Targets: unknown[] }>(template, 'AWS::Events::Rule');
  const rule = rules.find(({ ScheduleExpression }) => ScheduleExpression === 'rate(30 minutes)');
  expect(JSON.stringify(rule?.Targets)).toContain(added?.logicalId);
});

test('its records come out of the queue', async () => {
  const text = '{ "id": "1700000000000000777", "updatedAt": "2020-01-02T03:04:05.678901Z", "value": "/opt" }';
  consoles.console(host).put('exclusions', text);
  await collector.addInstance({ instance: 'fourth', host }, 'a-good-token');
  await collector.tick('exclusions', new Date());
  const messages = (await collector.receive()).map(({ Body = '' }) => readMessage(Body));
  expect(messages).toHaveLength(1);
  expect(messages[0]).toEqual([
    {
      source: 'sentinelone',
      raw: text,
      timestamp: '2020-01-02T03:04:05.678901Z',
      metadata: {
        id: 'fourth/exclusions/1700000000000000777@2020-01-02T03:04:05.678901Z',
        instance: 'fourth',
        stream: 'exclusions',
        recordId: '1700000000000000777',
        connector: 'signal-client.sentinelone',
        senderHost: host,
        streamName: 'sentinelone',
        startTimeUTC: '2020-01-02T03:04:05.678901Z',
      },
    },
  ]);
});
