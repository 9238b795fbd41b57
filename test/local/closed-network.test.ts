import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { synthesise } from '../../infra/synth.ts';
import { type Analytics, startAnalytics } from '../../local/analytics/analytics.ts';
import { type LocalCollector, startCollector } from '../../local/collector.ts';
import { type Consoles, startConsoles } from '../../local/console/consoles.ts';
import { activityText, ago } from '../fixtures/records.ts';
import { account, queueUrls } from '../support/account.ts';
import { type ClosedNetwork, startClosedNetwork } from '../support/closed-network.ts';
import { type Gate, startGate } from '../support/iam-gateway.ts';
import { goodToken } from '../support/world.ts';

/** Deployed with the settings `proxy` and `caFile`, where no name resolves and the proxy is the only way out. */
const host = 'usea1-closed.sentinelone.net';
/** No message holds it. */
const large = 'ä'.repeat(1024 * 1024);

let folder: string;
let consoles: Consoles;
let analytics: Analytics;
let gate: Gate;
let network: ClosedNetwork;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'closed-'));
  [consoles, analytics, gate] = await Promise.all([
    startConsoles({ hosts: { [host]: { tokens: [{ token: goodToken }], rateLimits: false } } }),
    startAnalytics(),
    startGate(),
  ]);
  const { proxyUrl: consolesProxyUrl } = consoles;
  network = await startClosedNetwork({ awsUrl: gate.address, analytics, consolesProxyUrl });
  consoles.console(host).put('activities', activityText(ago(20)));
  consoles.console(host).put('activities', activityText(ago(20), { data: { text: large } }));
});
afterAll(async () => {
  network.close();
  await Promise.all([consoles.close(), analytics.close()]);
  await rm(folder, { recursive: true });
  gate.close();
});

/** The stack, trusting these authorities beside AWS's. */
async function deploy(name: string, trusted: readonly string[]): Promise<LocalCollector> {
  const caFile = join(folder, `${name}.pem`);
  await writeFile(caFile, [network.awsCaPem, ...trusted].join(''));
  const { analyticsUrl, proxyUrl: url, environment } = network;
  const { template, code } = synthesise({ analyticsUrl, proxy: { url }, caFile }, join(folder, name));
  const collector = await startCollector({
    template,
    code,
    environment,
    overrides: queueUrls(template, String(environment.AWS_ENDPOINT_URL_SQS)),
    onLine: () => undefined,
  });
  gate.open(account(template), collector.aws.environment);
  collector.aws.secrets.put('signal-client/analytics', JSON.stringify(analytics.users[0]));
  await collector.addInstance({ instance: 'closed', host }, goodToken);
  await collector.tick('activities', new Date());
  return collector;
}

const statusOf = async (collector: LocalCollector, stream: string) =>
  (await collector.status()).find((status) => status.stream === stream);

describe('behind a proxy, with the private CA', () => {
  let collector: LocalCollector;

  beforeAll(async () => {
    collector = await deploy('trusting', [consoles.caPem, network.caPem]);
    await collector.forward();
  });
  afterAll(() => collector.close());

  test('polls', async () => {
    expect(await statusOf(collector, 'activities')).toMatchObject({ state: 'ok', lastCount: 2 });
  });

  test('forwards, what lies in the overflow bucket too', async () => {
    expect(await statusOf(collector, 'forwarder')).toMatchObject({ state: 'ok', lastCount: 2 });
    const texts = consoles.console(host).texts('activities');
    expect(analytics.accepted.map(({ raw }) => raw).sort()).toEqual([...texts].sort());
  });

  test('goes through the proxy for everything: the console, Analytics and each service of AWS', () => {
    const bucket = [...collector.aws.names.values()].find((name) => name.includes('overflow'));
    const services = ['dynamodb', 'sqs', 'secretsmanager', `${bucket}.s3`].map(
      (name) => `${name}.aws.invalid`,
    );
    expect(network.connects).toEqual(new Set([host, 'analytics.invalid', ...services]));
  });
});

describe('behind a proxy, without the private CA', () => {
  let collector: LocalCollector;
  let seen: { console: number; analytics: number };

  beforeAll(async () => {
    seen = { console: consoles.console(host).requests.length, analytics: analytics.requests.length };
    collector = await deploy('distrusting', []);
    await collector.functions.get('forwarder')?.invoke({
      Records: [
        {
          messageId: '1',
          body: JSON.stringify({ artifacts: [] }),
          attributes: { ApproximateReceiveCount: '1', SentTimestamp: String(Date.now()) },
        },
      ],
    });
  });
  afterAll(() => collector.close());

  test('says that the certificate of the console is not trusted, and what to do', async () => {
    expect(await statusOf(collector, 'activities')).toMatchObject({
      state: 'unreachable',
      lastError: expect.stringMatching(/closed\.sentinelone\.net has an untrusted certificate/),
      remedy: expect.stringMatching(/private CA/),
    });
  });

  test('sends neither a token nor a login', () => {
    expect(consoles.console(host).requests).toHaveLength(seen.console);
    expect(analytics.requests).toHaveLength(seen.analytics);
  });
});
