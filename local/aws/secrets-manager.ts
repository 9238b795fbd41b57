import { randomUUID } from 'node:crypto';
import { type Operations, Refusal, serveOperations } from './json-service.ts';

/** A stand-in for Secrets Manager, with its validation and eventual consistency. */
export interface LocalSecretsManager {
  readonly endpoint: string;
  /** The delay until a read shows a write, and until a forced deletion is complete. */
  lagMs: number;
  /** Creates or replaces a secret with a new version, which is visible immediately. */
  put(name: string, value: string | Uint8Array): void;
  remove(name: string): void;
  /** Returns the current value, or undefined if there is none or the secret is scheduled for deletion. */
  current(name: string): string | undefined;
  close(): Promise<void>;
}

interface Version {
  readonly value: string | Uint8Array;
  readonly stages: Set<string>;
}

interface Secret {
  readonly versions: Map<string, Version>;
  /** `forced`: the secret cannot be restored. */
  deleted: 'no' | 'scheduled' | 'forced';
}

/** The secrets by name, in their current state and in the state that reads show. */
class Store {
  lagMs = 250;
  readonly #history = new Map<string, { readonly at: number; readonly secret: Secret | undefined }[]>();

  /** The current state. */
  now(name: string): Secret | undefined {
    const last = this.#history.get(name)?.at(-1);
    const isGone = last?.secret?.deleted === 'forced' && Date.now() - last.at >= this.lagMs;
    return isGone ? undefined : structuredClone(last?.secret);
  }

  /** The state that reads show. */
  seen(name: string): Secret | undefined {
    const until = Date.now() - this.lagMs;
    return this.#history.get(name)?.findLast(({ at }) => at <= until)?.secret;
  }

  write(name: string, secret: Secret | undefined): void {
    this.#history.set(name, [...(this.#history.get(name) ?? []).slice(-50), { at: Date.now(), secret }]);
  }

  /** Visible immediately. */
  set(name: string, secret: Secret | undefined): void {
    this.#history.set(name, [{ at: 0, secret }]);
  }
}

export async function startSecretsManager(sessionToken: string): Promise<LocalSecretsManager> {
  const store = new Store();
  const { endpoint, close } = await serveOperations(operationsOn(store), sessionToken);
  return {
    endpoint,
    close,
    get lagMs() {
      return store.lagMs;
    },
    set lagMs(ms) {
      store.lagMs = ms;
    },
    put(name, value) {
      const secret = store.now(name) ?? emptySecret();
      addVersion(secret, randomUUID(), value, ['AWSCURRENT']);
      store.set(name, { ...secret, deleted: 'no' });
    },
    remove(name) {
      store.set(name, undefined);
    },
    current(name) {
      const secret = store.now(name);
      const value = secret?.deleted === 'no' ? find(secret, 'AWSCURRENT')?.[1].value : undefined;
      return typeof value === 'object' ? Buffer.from(value).toString() : value;
    },
  };
}

function operationsOn(store: Store): Operations {
  const usable = (secret: Secret | undefined): Secret => {
    if (secret === undefined) throw notFound();
    if (secret.deleted !== 'no') throw beingDeleted();
    return secret;
  };
  /** Returns a secret for writing. A write may be refused for some time after a restore. */
  const writable = (SecretId: string): Secret => {
    if (store.seen(SecretId)?.deleted === 'scheduled') throw beingDeleted();
    return usable(store.now(SecretId));
  };
  return {
    GetSecretValue({ SecretId, VersionStage, VersionId }) {
      const secret = usable(store.seen(SecretId));
      const byId: [string, Version | undefined] = [VersionId, secret.versions.get(VersionId)];
      const [id, version] = VersionId ? byId : (find(secret, VersionStage ?? 'AWSCURRENT') ?? []);
      if (version === undefined || (VersionStage && !version.stages.has(VersionStage))) throw notFound();
      const { value, stages } = version;
      return {
        Name: SecretId,
        VersionId: id,
        VersionStages: [...stages],
        ...(typeof value === 'string'
          ? { SecretString: value }
          : { SecretBinary: Buffer.from(value).toString('base64') }),
      };
    },
    CreateSecret({ Name, SecretString, ClientRequestToken }) {
      if (!/^[\w/+=.@-]{1,512}$/.test(Name)) throw new Refusal('ValidationException', 'Invalid name.');
      const there = store.now(Name);
      if (there && there.deleted !== 'no') throw beingDeleted();
      if (there && !isRepeat(there, ClientRequestToken, SecretString))
        throw new Refusal('ResourceExistsException', `The secret ${Name} already exists.`);
      if (there) return { Name, VersionId: ClientRequestToken };
      const secret = emptySecret();
      const VersionId = addVersion(secret, idOf(ClientRequestToken), SecretString, ['AWSCURRENT']);
      store.write(Name, secret);
      return { Name, VersionId };
    },
    PutSecretValue({ SecretId, SecretString, ClientRequestToken, VersionStages = ['AWSCURRENT'] }) {
      const secret = writable(SecretId);
      if (secret.versions.has(ClientRequestToken)) {
        if (isRepeat(secret, ClientRequestToken, SecretString))
          return { Name: SecretId, VersionId: ClientRequestToken };
        throw new Refusal('ResourceExistsException', 'A version with this token has another value.');
      }
      const first = secret.versions.size === 0 ? ['AWSCURRENT'] : [];
      const stages = [...VersionStages, ...first];
      const VersionId = addVersion(secret, idOf(ClientRequestToken), SecretString, stages);
      store.write(SecretId, secret);
      return { Name: SecretId, VersionId, VersionStages };
    },
    UpdateSecretVersionStage({ SecretId, VersionStage, MoveToVersionId, RemoveFromVersionId }) {
      const secret = writable(SecretId);
      const [holder] = find(secret, VersionStage) ?? [];
      if (holder !== RemoveFromVersionId && (holder !== MoveToVersionId || RemoveFromVersionId))
        throw new Refusal('InvalidParameterException', `${VersionStage} is at ${holder ?? 'no version'}.`);
      if (VersionStage === 'AWSCURRENT' && !MoveToVersionId)
        throw new Refusal('InvalidParameterException', 'AWSCURRENT can be moved only.');
      const target = MoveToVersionId && secret.versions.get(MoveToVersionId);
      if (MoveToVersionId && !target) throw notFound();
      label(secret, VersionStage, target);
      store.write(SecretId, secret);
      return { Name: SecretId };
    },
    DescribeSecret({ SecretId }) {
      const secret = store.seen(SecretId);
      if (secret === undefined) throw notFound();
      const labelled = [...secret.versions].filter(([, { stages }]) => stages.size > 0);
      return {
        Name: SecretId,
        VersionIdsToStages: Object.fromEntries(labelled.map(([id, { stages }]) => [id, [...stages]])),
        ...(secret.deleted !== 'no' && { DeletedDate: Date.now() / 1000 }),
      };
    },
    DeleteSecret({ SecretId, RecoveryWindowInDays: days = 30, ForceDeleteWithoutRecovery: forced = false }) {
      const secret = store.now(SecretId);
      if (secret === undefined && forced) return { Name: SecretId };
      if (secret === undefined) throw notFound();
      if (secret.deleted !== 'no' && !forced) throw beingDeleted();
      if (days < 7 || days > 30) throw new Refusal('InvalidParameterException', 'From 7 to 30 days.');
      store.write(SecretId, { ...secret, deleted: forced ? 'forced' : 'scheduled' });
      return { Name: SecretId };
    },
    RestoreSecret({ SecretId }) {
      const secret = store.now(SecretId);
      if (secret === undefined) throw notFound();
      if (secret.deleted === 'forced') throw beingDeleted();
      store.write(SecretId, { ...secret, deleted: 'no' });
      return { Name: SecretId };
    },
  };
}

const emptySecret = (): Secret => ({ versions: new Map(), deleted: 'no' });

function notFound(): Refusal {
  return new Refusal('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
}

function beingDeleted(): Refusal {
  return new Refusal('InvalidRequestException', 'The secret is scheduled for deletion (simulated).');
}

/** The SDK sends a token with each request. */
function idOf(ClientRequestToken: string): string {
  if (/^[\w-]{32,64}$/.test(ClientRequestToken)) return ClientRequestToken;
  throw new Refusal('InvalidParameterException', 'ClientRequestToken must have 32 to 64 characters.');
}

/** Returns whether a request with this token was already carried out. */
function isRepeat({ versions }: Secret, token: string, value: string): boolean {
  return versions.get(token)?.value === value;
}

function find({ versions }: Secret, stage: string): [string, Version] | undefined {
  return [...versions].find(([, { stages }]) => stages.has(stage));
}

function addVersion(secret: Secret, id: string, value: Version['value'], stages: readonly string[]): string {
  const version: Version = { value, stages: new Set() };
  secret.versions.set(id, version);
  for (const stage of stages) label(secret, stage, version);
  return id;
}

/**
 * Moves a label to a version. The previous version gets AWSPREVIOUS when AWSCURRENT moves. A version without a label
 * can still be read by its id.
 */
function label(secret: Secret, stage: string, version: Version | undefined): void {
  const before = find(secret, stage)?.[1];
  before?.stages.delete(stage);
  version?.stages.add(stage);
  if (stage === 'AWSCURRENT' && before !== undefined && before !== version)
    label(secret, 'AWSPREVIOUS', before);
}
