import type { Instance } from '../instances/instance.ts';
import { permitOf, semaphore } from '../kit/concurrency.ts';
import { type Limiter, limiter } from '../kit/pacing.ts';
import type { Stream } from '../streams/stream.ts';
import type { ConsolePorts } from './api.ts';
import { Connection, type ConsoleSettings } from './connection.ts';

/** Connections with a large page at one time, whatever the number of instances: memory has to hold their pages. */
const largePagesAtOnce = 2;

/** The consoles of one invocation: they share memory, and each has a rate over all of its connections. */
export class Consoles {
  readonly #settings: ConsoleSettings;
  readonly #ports: ConsolePorts;
  readonly #largePages = semaphore(largePagesAtOnce);
  readonly #limiters = new Map<string, Limiter>();

  constructor(settings: ConsoleSettings, ports: ConsolePorts) {
    this.#settings = settings;
    this.#ports = ports;
  }

  /** A connection that makes requests until `remainingMs` is 0. Close it once all of its pages are delivered. */
  connect(instance: Instance, stream: Stream, remainingMs: () => number): Connection {
    const { requestsPerSecond } = this.#settings;
    const rate = this.#limiters.get(instance.instance) ?? limiter(requestsPerSecond, this.#ports.clock);
    this.#limiters.set(instance.instance, rate);
    return new Connection({
      instance,
      stream,
      remainingMs,
      settings: this.#settings,
      ports: this.#ports,
      limiter: rate,
      largePages: permitOf(this.#largePages),
    });
  }
}
