import type { Instance } from '../instances/instance.ts';
import { permitOf, type Semaphore, semaphore } from '../kit/concurrency.ts';
import type { Stream } from '../streams/stream.ts';
import type { ConsolePorts, ConsoleSettings } from './api.ts';
import { Connection } from './connection.ts';
import { LargePages } from './large-pages.ts';
import { Pace } from './pace.ts';

/** Connections with a large page at one time, whatever the number of instances: memory has to hold their pages. */
const largePagesAtOnce = 2;

/** Of these, the ones to one host: none keeps all other hosts waiting. */
const largePagesOfHost = 1;

/**
 * The largest page in a function of so much memory, which holds as many as `largePagesAtOnce`, in pieces and whole, in
 * addition to the runtime and what is being sent.
 */
export const pageBytesOf = (memoryMb: number) => (memoryMb * 1024 * 1024) / 32;

/**
 * The consoles of one invocation: they share memory, and each has a pace over all of its connections. Instances with the
 * same host and token are one console, because SentinelOne limits a token.
 */
export class Consoles {
  readonly #settings: ConsoleSettings;
  readonly #ports: ConsolePorts;
  readonly #largePages = semaphore(largePagesAtOnce);
  readonly #largePagesByHost = new Map<string, Semaphore>();
  readonly #paces = new Map<string, Pace>();

  constructor(settings: ConsoleSettings, ports: ConsolePorts) {
    this.#settings = settings;
    this.#ports = ports;
  }

  /** A connection that makes requests until `remainingMs` is 0. Close it when the poll ends. */
  connect(instance: Instance, stream: Stream, remainingMs: () => number): Connection {
    const { host } = instance;
    const { clock } = this.#ports;
    const permit = permitOf(
      kept(this.#largePagesByHost, host, () => semaphore(largePagesOfHost)),
      this.#largePages,
    );
    const newPace = () => new Pace(host, this.#settings.requestsPerSecond, clock);
    return new Connection({
      instance,
      stream,
      remainingMs,
      settings: this.#settings,
      ports: this.#ports,
      paceOf: (token) => kept(this.#paces, `${host} ${token}`, newPace),
      largePages: new LargePages(permit, clock, remainingMs),
    });
  }
}

function kept<T>(all: Map<string, T>, key: string, make: () => T): T {
  const one = all.get(key) ?? make();
  all.set(key, one);
  return one;
}
