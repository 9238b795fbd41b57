import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { createAuthority, createServerCertificate, type KeyPair } from './certificates.ts';
import { type ConsoleOptions, createConsole, type SimulatedConsole } from './console.ts';
import { type Connect, startProxy } from './proxy.ts';
import { type Served, startServer } from './server.ts';

export interface ConsolesOptions {
  hosts: Record<string, ConsoleOptions>;
  /** The consoles of all other hosts of SentinelOne, each created when it is first reached. */
  others?: (host: string) => ConsoleOptions;
  /** The consoles' clock in milliseconds, which also sets their `Date` headers (default: the system clock). */
  nowMs?: () => number;
  monotonicMs?: () => number;
}

/** Running consoles, with what a client needs to reach them by host name. */
export interface Consoles {
  /** The value for `HTTPS_PROXY`. */
  proxyUrl: string;
  /** The value for `NODE_EXTRA_CA_CERTS`. `close` deletes the file. */
  caFile: string;
  caPem: string;
  /** Returns the console of a host. Throws if there is none. */
  console(host: string): SimulatedConsole;
  /** Every CONNECT request to the proxy, oldest first. */
  connects: readonly Connect[];
  cutConnections(): void;
  close(): Promise<void>;
}

const suffix = '.sentinelone.net';
const anyHost = /^[a-z0-9-]{1,63}\.sentinelone\.net$/;

/** Starts simulated SentinelOne consoles and a proxy for them. Nothing reaches the network. */
export async function startConsoles({
  hosts,
  others,
  nowMs = Date.now,
  monotonicMs = () => performance.now(),
}: ConsolesOptions): Promise<Consoles> {
  const names = Object.keys(hosts).map((host) => host.toLowerCase());
  const authority = await createAuthority('simulated consoles');
  const certificate = async (by: KeyPair, hosts: string[]) =>
    createSecureContext(await createServerCertificate(by, hosts));
  const trusted = await certificate(authority, [...names, ...(others ? [`*${suffix}`] : [])]);
  const untrusted = await certificate(await createAuthority('nobody'), names);

  const serve = (host: string, options: ConsoleOptions): Served => ({
    ...createConsole(host, options, { nowMs, monotonicMs }),
    certificate: options.trusted === false ? untrusted : trusted,
  });
  const served = new Map(
    Object.entries(hosts).map(([host, options]) => [host.toLowerCase(), serve(host, options)]),
  );
  const isOther = (host: string) => others !== undefined && anyHost.test(host);
  const find = (host: string): Served | undefined => {
    const found = served.get(host);
    if (found !== undefined || others === undefined || !isOther(host)) return found;
    const created = serve(host, others(host));
    served.set(host, created);
    return created;
  };

  const directory = await mkdtemp(join(tmpdir(), 'simulated-consoles-'));
  const caFile = join(directory, 'ca.pem');
  await writeFile(caFile, authority.cert);
  const server = await startServer(find, nowMs);
  const proxy = await startProxy((host) => served.has(host) || isOther(host), server.port);

  return {
    proxyUrl: proxy.url,
    caFile,
    caPem: authority.cert,
    connects: proxy.connects,
    cutConnections: proxy.cutConnections,
    console(host) {
      const found = served.get(host.toLowerCase());
      if (!found) throw new Error(`no console is called ${host}`);
      return found.simulated;
    },
    async close() {
      await proxy.close();
      await server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
