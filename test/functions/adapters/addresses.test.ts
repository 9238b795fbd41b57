import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type LookupFunction } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientConfig } from '../../../functions/adapters/aws.ts';
import { type SlowServer, startSlowServer } from '../../support/slow-to-connect.ts';

const server = createServer((socket) => socket.end('all'));
let slow: SlowServer;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  slow = await startSlowServer();
});
afterAll(() => {
  slow.close();
  server.close();
});

/** The second address, of the range for examples, leads nowhere. */
const lookup: LookupFunction = (_host, _options, done) =>
  done(null, [
    { address: '127.0.0.1', family: 4 },
    { address: '2001:db8::1', family: 6 },
  ]);

test('a host that is far away is reached at its IPv4 address also by the clients of AWS', async () => {
  expect(clientConfig.requestHandler.connectionTimeout).toBeGreaterThan(2_500);
  await slow.slow((server.address() as AddressInfo).port);
  const socket = connect({ host: 'far.example', port: slow.port, lookup });
  const [data] = await once(socket, 'data');
  expect(String(data)).toBe('all');
});
