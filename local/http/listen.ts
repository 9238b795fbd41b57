import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** So many ports are tried. */
const mostPorts = 100;

/**
 * Listens on the loopback interface.
 * @param from the first port to try; 0 is any free port
 */
export async function listen(server: Server | TlsServer, from = 0) {
  for (let port = from; ; port++) {
    try {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      break;
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isTaken || from === 0 || port === from + mostPorts) throw error;
    }
  }
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
