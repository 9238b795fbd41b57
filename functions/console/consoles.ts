import type { Instance } from '../instances/instance.ts';
import { permitOf, type Semaphore, semaphore } from '../kit/concurrency.ts';
import type { Stream } from '../streams/stream.ts';
import type { ConsolePorts, ConsoleSettings } from './api.ts';
import { Connection } from './connection.ts';
import { LargePages } from './large-pages.ts';
import { Pace } from './pace.ts';

/**
 * The number of connections that may hold a large page at the same time, whatever the number of instances. It bounds
 * the memory.
 */
const largePagesAtOnce = 2;

/** The number of these for one host, so that no host blocks all others. */
const largePagesOfHost = 1;

/**
 * The maximum size of a page, by the function's memory. `largePagesAtOnce` pages must fit, as chunks and joined, in
 * addition to the runtime and the messages being sent.
 */
export const pageBytesOf = (memoryMb: number) => (memoryMb * 1024 * 1024) / 32;

/**
 * The consoles of one invocation. They share memory. Instances with the same host and token share one pace, because
 * SentinelOne limits requests per token.
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

  /**
   * Opens a connection that makes requests until `remainingMs` is 0. Close it when the poll ends.
   * @param learned what an earlier connection has learned; not validated
   */
  connect(instance: Instance, stream: Stream, remainingMs: () => number, learned?: unknown): Connection {
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
      learned,
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
