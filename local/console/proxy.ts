import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';

export interface Connect {
  target: string;
  admitted: boolean;
}

/** A forward proxy that reaches only the simulated consoles. */
export interface Proxy {
  url: string;
  connects: Connect[];
  /** Closes every connection, as a server does with idle ones. */
  cutConnections(): void;
  close(): Promise<void>;
}

const refuse = (socket: Duplex) =>
  socket.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');

/**
 * Starts a CONNECT proxy that forwards `<host>:443` of a known host to `port` on this machine. Other targets get a
 * 502.
 */
export async function startProxy(isKnown: (host: string) => boolean, port: number): Promise<Proxy> {
  const connects: Connect[] = [];
  const open = new Set<Duplex>();
  const track = (socket: Duplex) => open.add(socket.once('close', () => open.delete(socket)));

  const server = createServer((_request, response) => {
    response.writeHead(403).end();
  });
  server.on('connect', (request, client, head) => {
    const target = (request.url ?? '').toLowerCase();
    const admitted = target.endsWith(':443') && isKnown(target.slice(0, -':443'.length));
    connects.push({ target, admitted });
    client.on('error', () => client.destroy());
    track(client);
    if (!admitted) {
      refuse(client);
      return;
    }
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    track(upstream);
    upstream.on('error', () => client.destroy());
    upstream.on('close', () => client.destroy());
    client.on('close', () => upstream.destroy());
  });

  const cutConnections = () => {
    server.closeAllConnections();
    for (const socket of open) socket.destroy();
  };

  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connects,
    cutConnections,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        cutConnections();
      }),
  };
}
