import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** A stand-in for Secrets Manager: `GetSecretValue` over its own protocol, JSON 1.1 by `x-amz-target`. */
export interface LocalSecretsManager {
  readonly endpoint: string;
  /** Creates or replaces a secret; each time with a new version. */
  put(name: string, value: string): void;
  remove(name: string): void;
  close(): void;
}

export async function startSecretsManager(): Promise<LocalSecretsManager> {
  const secrets = new Map<string, { SecretString: string; VersionId: string }>();
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
    };
    if (request.headers['x-amz-target'] !== 'secretsmanager.GetSecretValue') {
      return answer(400, { __type: 'UnknownOperationException', message: 'only GetSecretValue is here' });
    }
    const { SecretId } = (await json(request)) as { SecretId: string };
    const secret = secrets.get(SecretId);
    if (secret === undefined) {
      const message = "Secrets Manager can't find the specified secret.";
      return answer(400, { __type: 'ResourceNotFoundException', message });
    }
    answer(200, { Name: SecretId, VersionStages: ['AWSCURRENT'], ...secret });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    put(name, SecretString) {
      secrets.set(name, { SecretString, VersionId: randomUUID() });
    },
    remove(name) {
      secrets.delete(name);
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
