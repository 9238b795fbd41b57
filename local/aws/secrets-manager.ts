import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** A stand-in for Secrets Manager over its own protocol, JSON 1.1 by `x-amz-target`. */
export interface LocalSecretsManager {
  readonly endpoint: string;
  /** Creates or replaces a secret; each time with a new version. */
  put(name: string, value: string): void;
  remove(name: string): void;
  /** The current value; undefined where there is none. */
  current(name: string): string | undefined;
  close(): void;
}

interface Version {
  readonly value: string;
  readonly stages: Set<string>;
}

interface Secret {
  /** By version id. */
  readonly versions: Map<string, Version>;
  deleted: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: each operation has an input of its own.
type Input = any;

/** An answer that says no. */
class Refusal extends Error {
  readonly type: string;
  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

export async function startSecretsManager(): Promise<LocalSecretsManager> {
  const secrets = new Map<string, Secret>();
  const operations = operationsOn(secrets);
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
    };
    const [, name = ''] = String(request.headers['x-amz-target']).split('.');
    const input = (await json(request)) as Input;
    try {
      const operation = operations[name];
      if (operation === undefined) throw new Refusal('UnknownOperationException', `${name} is not here`);
      answer(200, operation(input));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      answer(400, { __type: error.type, message: error.message });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    put(name, value) {
      const secret = secrets.get(name) ?? { versions: new Map(), deleted: false };
      secrets.set(name, secret);
      addVersion(secret, value, ['AWSCURRENT']);
    },
    remove(name) {
      secrets.delete(name);
    },
    current(name) {
      const secret = secrets.get(name);
      return secret && find(secret, 'AWSCURRENT')?.[1].value;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function operationsOn(
  secrets: Map<string, Secret>,
): Readonly<Record<string, ((input: Input) => object) | undefined>> {
  const known = (SecretId: string): Secret => {
    const secret = secrets.get(SecretId);
    if (secret === undefined) throw notFound();
    return secret;
  };
  const usable = (SecretId: string): Secret => {
    const secret = known(SecretId);
    if (secret.deleted)
      throw new Refusal('InvalidRequestException', 'The secret was marked for deletion (simulated).');
    return secret;
  };
  return {
    GetSecretValue({ SecretId, VersionStage = 'AWSCURRENT' }) {
      const [VersionId, version] = find(usable(SecretId), VersionStage) ?? [];
      if (version === undefined) throw notFound();
      return { Name: SecretId, VersionId, SecretString: version.value, VersionStages: [...version.stages] };
    },
    CreateSecret({ Name, SecretString }) {
      const there = secrets.get(Name);
      if (there?.deleted)
        throw new Refusal('InvalidRequestException', 'A secret of this name is scheduled for deletion.');
      if (there) throw new Refusal('ResourceExistsException', `The secret ${Name} already exists.`);
      const secret: Secret = { versions: new Map(), deleted: false };
      secrets.set(Name, secret);
      return { Name, VersionId: addVersion(secret, SecretString, ['AWSCURRENT']) };
    },
    PutSecretValue({ SecretId, SecretString, VersionStages = ['AWSCURRENT'] }) {
      const secret = usable(SecretId);
      const first = secret.versions.size === 0 ? ['AWSCURRENT'] : [];
      const VersionId = addVersion(secret, SecretString, [...VersionStages, ...first]);
      return { Name: SecretId, VersionId, VersionStages };
    },
    UpdateSecretVersionStage({ SecretId, VersionStage, MoveToVersionId, RemoveFromVersionId }) {
      const secret = usable(SecretId);
      const [holder] = find(secret, VersionStage) ?? [];
      if (holder !== RemoveFromVersionId)
        throw new Refusal('InvalidParameterException', `${VersionStage} is not at ${RemoveFromVersionId}.`);
      const target = MoveToVersionId && secret.versions.get(MoveToVersionId);
      if (MoveToVersionId && !target) throw notFound();
      label(secret, VersionStage, target);
      return { Name: SecretId };
    },
    DescribeSecret({ SecretId }) {
      const { versions, deleted } = known(SecretId);
      const stages = [...versions].map(([id, version]) => [id, [...version.stages]]);
      return {
        Name: SecretId,
        VersionIdsToStages: Object.fromEntries(stages),
        ...(deleted && { DeletedDate: Date.now() / 1000 }),
      };
    },
    DeleteSecret({ SecretId, ForceDeleteWithoutRecovery = false }) {
      const secret = known(SecretId);
      if (ForceDeleteWithoutRecovery) secrets.delete(SecretId);
      else secret.deleted = true;
      return { Name: SecretId };
    },
    RestoreSecret({ SecretId }) {
      known(SecretId).deleted = false;
      return { Name: SecretId };
    },
  };
}

function notFound(): Refusal {
  return new Refusal('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
}

function find({ versions }: Secret, stage: string): [string, Version] | undefined {
  return [...versions].find(([, { stages }]) => stages.has(stage));
}

function addVersion(secret: Secret, value: string, stages: readonly string[]): string {
  const id = randomUUID();
  const version: Version = { value, stages: new Set() };
  secret.versions.set(id, version);
  for (const stage of stages) label(secret, stage, version);
  return id;
}

/** Each label is at one version; the current one's former holder becomes the previous one. */
function label(secret: Secret, stage: string, version: Version | undefined): void {
  const before = find(secret, stage)?.[1];
  before?.stages.delete(stage);
  version?.stages.add(stage);
  if (stage === 'AWSCURRENT' && before !== undefined && before !== version)
    label(secret, 'AWSPREVIOUS', before);
  for (const [id, { stages }] of secret.versions) if (stages.size === 0) secret.versions.delete(id);
}
