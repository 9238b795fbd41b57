import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { type Consoles, startConsoles } from './console/consoles.ts';
import { recordsFrom } from './console/records-from.ts';
import { type Activity, demoConsole, goodToken } from './demo.ts';

/** The consoles and instances that the collector runs with. */
export interface Scenario {
  /** What the consoles are. */
  readonly title: string;
  /** Whether the tour of `npm start` can be taken here. */
  readonly tour?: boolean;
  readonly instances: readonly ScenarioInstance[];
  /** Environment variables with which the functions reach the consoles by host name. */
  readonly environment: Readonly<Record<string, string>>;
  /** Undefined for a real console. */
  readonly consoles?: Pick<Consoles, 'proxyUrl' | 'caFile'>;
  /** The expected records by stream; undefined if they are not known in advance. */
  readonly expected: Readonly<Record<string, readonly string[]>> | undefined;
  /** Messages about lines that are not served as separate records. */
  readonly remarks?: readonly string[];
  readonly unserved?: number;
  close(): Promise<void>;
}

interface ScenarioInstance {
  readonly record: {
    readonly instance: string;
    readonly host: string;
    readonly streams?: readonly string[];
  } & Readonly<Record<string, unknown>>;
  readonly token: string;
  /** When the collector first saw the instance (default: now). Its look-back counts from this time. */
  readonly firstSeenMs?: number;
  /** The expected state of every stream. */
  readonly should: 'ok' | 'unauthorized';
}

/** More remarks than this are counted, not printed. */
export const mostRemarks = 20;

/** New records in every minute. */
export const busy: Activity = { historyHours: 2, threatsPerDay: 3000, loginsPerDay: 6000 };

const usual = ['threats', 'activities', 'agents'];

/** A console that nobody has prepared: so little that hundreds of them fit this machine. */
const quiet: Activity = { agents: 10, historyHours: 2, threatsPerDay: 100, loginsPerDay: 300 };

/** Two working instances, and one with a wrong token. Every other host of SentinelOne is a console as well. */
export async function fleets(activity: Activity): Promise<Scenario> {
  const instances = ['usea1-acme', 'euce1-globex', 'apne1-initech'].map((name, i): ScenarioInstance => {
    const good = i < 2;
    return {
      record: {
        instance: name.slice(name.indexOf('-') + 1),
        host: `${name}.sentinelone.net`,
        ...(i === 0 && { streams: [...usual, 'alerts'] }),
      },
      token: good ? goodToken : 'a-token-that-was-revoked',
      should: good ? 'ok' : 'unauthorized',
    };
  });
  const busyHosts = [...instances.map(({ record }) => record.host), 'usea1-hooli.sentinelone.net'];
  const consoles = await startConsoles({
    hosts: Object.fromEntries(busyHosts.map((host) => [host, demoConsole(host, activity)])),
    others: (host) => demoConsole(host, quiet),
  });
  return {
    title: `${instances.length} simulated consoles of SentinelOne`,
    tour: true,
    instances,
    environment: towards(consoles),
    consoles,
    expected: undefined,
    close: consoles.close,
  };
}

/** The longest look-back that an instance record can have. */
const longestLookbackHours = 87_600;

const hourMs = 3_600_000;

/** Consoles that serve the records of `folder`, and instances whose look-back includes the oldest record. */
export async function recordsIn(folder: string): Promise<Scenario> {
  const { sources, texts: expected, repeats, unserved, ...times } = recordsFrom(folder);
  const remarks = [...repeats, ...unserved.map((line) => `${line} (not served)`)];
  if (Object.values(expected).every((texts) => texts.length === 0)) {
    const why = `${folder} contains no records: add threats.ndjson or a file of another stream.`;
    throw new Error([why, ...remarks.slice(0, mostRemarks)].join('\n'));
  }
  const names = sources.map((_, i) => (i === 0 ? 'records' : `records-${i + 1}`));
  const hosts = names.map((name) => `usea1-${name}.sentinelone.net`);
  const { oldestMs = Date.now(), newestMs = 0 } = times;
  // These can be real records.
  const token = randomUUID();
  const consoles = await startConsoles({
    hosts: Object.fromEntries(sources.map((source, i) => [hosts[i] ?? '', { tokens: [{ token }], source }])),
    // A listing ends at the console's current time, so the clock is set after the newest record.
    nowMs: () => Math.max(Date.now(), newestMs + 1000),
  });
  const hours = Math.ceil((Date.now() - oldestMs) / hourMs) + 1;
  const lookbackHours = Math.min(Math.max(hours, 1), longestLookbackHours);
  const firstSeenMs =
    hours > longestLookbackHours ? oldestMs + (longestLookbackHours - 1) * hourMs : undefined;
  return {
    title: `records of ${folder}`,
    instances: names.map((instance, i) => ({
      record: {
        instance,
        host: hosts[i] ?? '',
        lookbackHours,
        streams: Object.keys(expected).filter((name) => usual.includes(name) || expected[name]?.length),
      },
      token,
      should: 'ok',
      ...(firstSeenMs !== undefined && { firstSeenMs }),
    })),
    environment: towards(consoles),
    consoles,
    expected,
    remarks,
    unserved: unserved.length,
    close: consoles.close,
  };
}

/** A real console, with the proxy and CA settings of this machine. */
export function realConsole(host: string, token: string): Scenario {
  const kept = ['NODE_USE_ENV_PROXY', 'HTTPS_PROXY', 'https_proxy'];
  const own = kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  // The functions run in another folder, so the path must be absolute.
  const ca = process.env.NODE_EXTRA_CA_CERTS;
  const direct = [process.env.NO_PROXY ?? process.env.no_proxy, standIns].filter(Boolean).join(',');
  return {
    title: host,
    instances: [{ record: { instance: 'trial', host }, token, should: 'ok' }],
    environment: {
      ...Object.fromEntries(own),
      NO_PROXY: direct,
      ...(ca && { NODE_EXTRA_CA_CERTS: resolve(ca) }),
    },
    expected: undefined,
    close: async () => undefined,
  };
}

const standIns = '127.0.0.1';

function towards({ proxyUrl, caFile }: Consoles): Record<string, string> {
  return { NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: proxyUrl, NO_PROXY: standIns, NODE_EXTRA_CA_CERTS: caFile };
}
