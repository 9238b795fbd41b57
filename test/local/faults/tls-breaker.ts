import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A forward proxy before the consoles' own: where TLS is broken, a client meets bytes that are no handshake. */
export interface TlsBreaker {
  /** Hosts with broken TLS, and for how many more connections. */
  readonly broken: Map<string, number>;
  /** Puts it before the proxy at `url`; answers its own URL. */
  before(url: string): string;
  close(): void;
}

export async function startTlsBreaker(): Promise<TlsBreaker> {
  const broken = new Map<string, number>();
  const open = new Set<Duplex>();
  let upstreamPort = 0;
  const server = createServer((_request, response) => {
    response.writeHead(403).end();
  });
  const tracked = <T extends Duplex>(socket: T): T => {
    open.add(socket);
    socket.once('close', () => open.delete(socket)).on('error', () => socket.destroy());
    return socket;
  };
  server.on('connect', ({ url = '' }, client: Socket) => {
    tracked(client);
    const host = url.slice(0, url.lastIndexOf(':'));
    const left = broken.get(host) ?? 0;
    broken.set(host, left - 1);
    if (left > 0) {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      client.once('data', () => client.end('whatever this answers, it is not TLS\r\n'));
      return;
    }
    // The proxy behind answers the CONNECT itself.
    const upstream = tracked(connect(upstreamPort, '127.0.0.1'));
    upstream.write(`CONNECT ${url} HTTP/1.1\r\nhost: ${url}\r\n\r\n`);
    upstream.pipe(client).pipe(upstream);
    upstream.on('close', () => client.destroy());
    client.on('close', () => upstream.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    broken,
    before(url) {
      upstreamPort = Number(new URL(url).port);
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
