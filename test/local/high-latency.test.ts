import { afterAll, beforeAll, expect, test } from 'vitest';
import { artifacts } from '../fixtures/artifacts.ts';
import { activityText, ago } from '../fixtures/records.ts';
import { startForwarding } from '../support/forwarding.ts';
import { type SlowServer, startSlowServer } from '../support/slow-to-connect.ts';
import { goodToken, startWorld, type World } from '../support/world.ts';

const host = 'usea1-far.sentinelone.net';

/** DNS as the functions see it: one address that is far away, and one of the range for examples, which leads nowhere. */
const resolver = `
  import dns from 'node:dns';
  const { lookup } = dns;
  const addresses = [{ address: '127.0.0.1', family: 4 }, { address: '2001:db8::1', family: 6 }];
  dns.lookup = (name, options, done) => {
    if (name !== 'far.example' && name !== 'localhost') return lookup(name, options, done);
    console.log('looked up ' + name);
    done(null, addresses);
  };`;
const environment = {
  // Node says how long a proxy has to connect.
  NODE_DEBUG: 'https',
  NODE_OPTIONS: `--import=data:text/javascript;base64,${Buffer.from(resolver).toString('base64')}`,
};

let world: World;
let slow: SlowServer;
let proxyPort = 0;

beforeAll(async () => {
  slow = await startSlowServer();
  world = await startWorld({
    hosts: { [host]: {} },
    environment,
    proxyBefore: (url) => {
      proxyPort = Number(new URL(url).port);
      return `http://far.example:${slow.port}`;
    },
  });
  world.consoles.console(host).put('activities', activityText(ago(20)));
  await world.collector.addInstance({ instance: 'far', host }, goodToken);
});
afterAll(async () => {
  slow.close();
  await world.close();
});

test('what is more than 250 ms away is reached, also where it has an IPv6 address that leads nowhere', async () => {
  await slow.slow(proxyPort);
  // A poll would try again; a check says at once what it finds.
  const check = { action: 'check', askedBy: 'test', of: 'far' };
  const report = await world.collector.functions.get('operator')?.invoke(check);
  expect(report).toMatchObject({ good: true });
  await slow.slow(proxyPort);
  await world.tick('activities');
  expect(await world.status('far', 'activities')).toMatchObject({ state: 'ok', lastCount: 1 });
  const times = world.lines.flatMap((line) => /proxyTunnelTimeout (\S+)/.exec(line)?.[1] ?? []);
  expect(new Set(times)).toEqual(new Set(['10000']));
});

test('Analytics is reached likewise, by one connection for the login and what follows it', async () => {
  const overrides = { analyticsUrl: `https://localhost:${slow.port}` };
  const forwarding = await startForwarding({ environment, overrides });
  await slow.slow(Number(new URL(forwarding.analytics.url).port));
  const all = artifacts(2);
  await forwarding.send(all);
  expect(await forwarding.forward()).toMatchObject({ messages: 1, failed: 0 });
  expect(forwarding.timesOf(all)).toEqual([1, 1]);
  // A connection that fails is tried again, which hides the failure.
  expect(forwarding.lines.filter((line) => line === 'looked up localhost')).toHaveLength(1);
  await forwarding.close();
});
