import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server that can be far away: a connection to it takes a second. */
export interface SlowServer {
  readonly port: number;
  /** The next connection is slow. All connections lead to `to`, a port of this machine. */
  slow(to: number): Promise<void>;
  close(): void;
}

const relay = `
  const { createServer, connect } = require('node:net');
  let to;
  process.stdin.on('data', (line) => { to = Number(line); console.log('leads there'); });
  const server = createServer((client) => {
    const upstream = connect(to, '127.0.0.1');
    client.pipe(upstream).pipe(client);
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port));`;

/** How many connections Linux had no room for in a server's queue. */
function overflows(): number {
  const [names = [], values = []] = readFileSync('/proc/net/netstat', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('TcpExt:'))
    .map((line) => line.split(' '));
  return Number(values[names.indexOf('ListenOverflows')]);
}

/**
 * To be slow, the server is stopped with a full queue, so that the first packet of a connection is lost. Once one was,
 * the server goes on; Linux sends the packet again a second after the first.
 */
export async function startSlowServer(): Promise<SlowServer> {
  const server: ChildProcess = spawn(process.execPath, ['-e', relay], { stdio: ['pipe', 'pipe', 'inherit'] });
  const said = async () => String((await once(server.stdout as NodeJS.ReadableStream, 'data'))[0]);
  const port = Number(await said());
  let open = true;
  return {
    port,
    async slow(to) {
      server.stdin?.write(`${to}\n`);
      await said();
      server.kill('SIGSTOP');
      const queued: Socket[] = [];
      for (let i = 0; i < 2; i++) {
        queued.push(connect(port, '127.0.0.1').on('error', () => undefined));
        await once(queued[i] as Socket, 'connect');
      }
      const before = overflows();
      void (async () => {
        while (open && overflows() === before) await sleep(20);
        for (const socket of queued) socket.destroy();
        server.kill('SIGCONT');
      })();
    },
    close() {
      open = false;
      server.kill('SIGKILL');
    },
  };
}
