import type { Place, Shards } from '../../functions/collect/shards.ts';
import type { Overflow } from '../../functions/deliver/ports.ts';
import type { AcceptedIds, OverflowObjects } from '../../functions/forward/ports.ts';
import type { Instances, Secret, Secrets, TokenHosts } from '../../functions/instances/ports.ts';

/** An instances table in memory. */
export class FakeInstances implements Instances {
  readonly items = new Map<string, Record<string, unknown>>();

  async list(names?: readonly string[]): Promise<Record<string, unknown>[]> {
    const items = [...this.items].filter(([name]) => names === undefined || names.includes(name));
    return structuredClone(items.map(([, item]) => item));
  }

  /** Two a page. */
  async *pages(): AsyncGenerator<Record<string, unknown>[], void> {
    const items = await this.list();
    for (let i = 0; i < items.length; i += 2) yield items.slice(i, i + 2);
  }

  async read(instance: string): Promise<Record<string, unknown> | undefined> {
    return structuredClone(this.items.get(instance));
  }

  put(item: { instance: string } & Record<string, unknown>): void {
    this.items.set(item.instance, item);
  }
}

/** A secret store in memory; a secret that is read again may come from before, unless it is asked for fresh. */
export class FakeSecrets implements Secrets {
  readonly secrets = new Map<string, Secret>();
  readonly #cached = new Map<string, Secret>();
  #versions = 0;

  /** Of `NAME#KEY` what a JSON secret has under the key; all keys of a secret are cached together. */
  async read(secretId: string, fresh: boolean, host = ''): Promise<Secret | undefined> {
    const [name = '', key] = secretId.split('#');
    const place = key === undefined ? `${name} ${host}` : name;
    const cached = fresh ? undefined : this.#cached.get(place);
    const secret = cached ?? this.secrets.get(name);
    if (secret === undefined) this.#cached.delete(place);
    else this.#cached.set(place, secret);
    if (secret === undefined || key === undefined) return secret;
    const value = JSON.stringify(JSON.parse(secret.value)[key]);
    return value === undefined ? undefined : { value, version: value };
  }

  put(secretId: string, value: string): void {
    this.#versions += 1;
    this.secrets.set(secretId, { value, version: `v${this.#versions}` });
  }
}

/** Where tokens were used first, in memory. */
export class FakeTokenHosts implements TokenHosts {
  readonly hosts = new Map<string, string>();

  async hostOf(token: string, first: () => Promise<string>): Promise<string> {
    const host = this.hosts.get(token) ?? (await first());
    // Another run may have bound it meanwhile.
    const bound = this.hosts.get(token) ?? host;
    this.hosts.set(token, bound);
    return bound;
  }
}

/** A bucket in memory. */
export class FakeOverflow implements Overflow, OverflowObjects {
  readonly objects = new Map<string, string>();

  async put(key: string, body: Uint8Array): Promise<string> {
    const location = `s3://overflow/${key}`;
    this.objects.set(location, Buffer.from(body).toString());
    return location;
  }

  async get(location: string, maxBytes: number): Promise<Uint8Array | 'expired' | 'too large'> {
    const object = this.objects.get(location);
    if (object === undefined) return 'expired';
    return Buffer.byteLength(object) > maxBytes ? 'too large' : Buffer.from(object);
  }
}

/** A table of accepted ids in memory; nothing in it expires. */
export class FakeAcceptedIds implements AcceptedIds {
  readonly ids = new Set<string>();

  async known(ids: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(ids.filter((id) => this.ids.has(id)));
  }

  async mark(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.ids.add(id);
  }
}

/** Shards in memory; keeps which runs were started, for a test to run. */
export class FakeShards implements Shards {
  readonly started: { readonly place: Place; readonly scheduledAt: number }[] = [];
  readonly #offered = new Map<number, { readonly by: string; readonly instances: readonly string[] }>();

  async offer({ number, by }: Place, instances: readonly string[]): Promise<void> {
    this.#offered.set(number, { by, instances: [...instances] });
  }

  async take({ number, by }: Place): Promise<readonly string[] | undefined> {
    const found = this.#offered.get(number);
    if (found?.by !== by) return undefined;
    this.#offered.delete(number);
    return found.instances;
  }

  async start(place: Place, scheduledAt: number): Promise<void> {
    this.started.push({ place, scheduledAt });
  }
}
