import { createHash } from 'node:crypto';
import { code, list, parsed, structureOf, text } from '../kit/json.ts';
import { printable } from '../kit/redact.ts';

/** The names of types, by type. */
export type Names = ReadonlyMap<string, string>;

/** The names of the types of one console. */
export interface NamesOfConsole {
  /** Undefined if they were not asked for today. */
  known(): Names | undefined;
  /** Asks for them, unless another connection has. Does not throw: without an answer there are no names. */
  learn(): Promise<void>;
}

/** Real lists have about 700 types, in 5,000 values; names have up to 60 characters. */
const [mostValues, mostTypes, longestName] = [20_000, 2_000, 100];

/** Reads the body of a response. Throws SyntaxError if it is not a list of types. */
export function namesIn(body: Buffer): Names {
  const json = body.toString();
  const types = structureOf(json) > mostValues ? [] : list(parsed(json), 'data');
  if (types.length === 0) throw new SyntaxError('it has no types');
  const names = types.slice(0, mostTypes).map((type): [type: string, name: string] => {
    const id = code(type, 'id') ?? '';
    const name = printable((text(type, 'action') ?? '').slice(0, longestName));
    return [id.length > 10 ? '' : id, name];
  });
  return new Map(names.filter((both) => !both.includes('')).sort());
}

/** Names change with the console's version. An error, such as a missing permission, is forgotten sooner. */
const [knownMs, failedMs] = [24 * 60 * 60 * 1000, 60 * 60 * 1000];

/** A list takes about 60 KB, and most consoles have the same. */
const [mostConsoles, mostLists] = [20_000, 50];

const none: Names = new Map();

/**
 * The names of types by console, kept in memory over the runs of a function. A console is a host and a token, because
 * the lists of two tokens may differ.
 */
export class TypeNames {
  /** `list` is a key of the lists; undefined after an error. */
  readonly #consoles = new Map<string, { readonly until: number; readonly list: string | undefined }>();
  readonly #lists = new Map<string, Names>();
  /** The key of the list that a response has, by the hash of its bytes. */
  readonly #bodies = new Map<string, string>();
  readonly #asked = new Map<string, Promise<void>>();

  /** @param ask requests the list of types. It may throw. */
  of(host: string, token: string, now: number, ask: () => Promise<Buffer>): NamesOfConsole {
    const console = hash(`${host} ${token}`);
    const known = () => this.#known(console, now);
    return {
      known,
      learn: async () => {
        if (known() !== undefined) return;
        const asked = this.#asked.get(console) ?? this.#learn(console, now, ask);
        this.#asked.set(console, asked);
        await asked;
      },
    };
  }

  #known(console: string, now: number): Names | undefined {
    const { until = 0, list } = this.#consoles.get(console) ?? {};
    if (until <= now) return undefined;
    return list === undefined ? none : this.#lists.get(list);
  }

  async #learn(console: string, now: number, ask: () => Promise<Buffer>): Promise<void> {
    const list = await ask()
      .then((body) => this.#keep(body))
      .catch(() => undefined);
    keep(this.#consoles, console, { until: now + (list ? knownMs : failedMs), list }, mostConsoles);
    this.#asked.delete(console);
  }

  /** Returns the key of the names. The same bytes are not read again. */
  #keep(body: Buffer): string {
    const bytes = hash(body);
    const known = this.#bodies.get(bytes) ?? '';
    const names = this.#lists.get(known) ?? namesIn(body);
    const list = this.#lists.has(known) ? known : hash(JSON.stringify([...names]));
    keep(this.#lists, list, names, mostLists);
    keep(this.#bodies, bytes, list, mostLists);
    return list;
  }
}

const hash = (of: string | Buffer) => createHash('sha256').update(of).digest('base64');

/** The one that was kept longest ago makes room. */
function keep<T>(all: Map<string, T>, key: string, value: T, most: number): void {
  all.delete(key);
  all.set(key, value);
  const [oldest] = all.keys();
  if (all.size > most && oldest !== undefined) all.delete(oldest);
}
