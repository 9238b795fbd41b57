import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deleteSecret, stageToken } from '../../cli/secrets.ts';
import type { Stack } from '../../cli/stack.ts';
import { type LocalSecretsManager, startSecretsManager } from '../../local/aws/secrets-manager.ts';

let store: LocalSecretsManager;
let secrets: SecretsManagerClient;
let stack: Stack;

const clientOf = (endpoint: string) =>
  new SecretsManagerClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  });

beforeAll(async () => {
  store = await startSecretsManager();
  secrets = clientOf(store.endpoint);
  stack = { secrets } as Stack;
});
afterAll(() => {
  store.close();
  for (const server of servers) server.close().closeAllConnections();
});

const servers: Server[] = [];

/** May do all but one thing: that is refused in this way. */
async function clientRefusing(
  operation: string,
  refusal: string,
  message = (_: string) => 'refused',
): Promise<SecretsManagerClient> {
  const server = createServer(async (request, response) => {
    const [target, type] = ['x-amz-target', 'content-type'].map((name) => String(request.headers[name]));
    const body = await text(request);
    if (target?.endsWith(`.${operation}`)) {
      response.writeHead(400).end(JSON.stringify({ __type: refusal, message: message(body) }));
      return;
    }
    const headers = { 'x-amz-target': String(target), 'content-type': String(type) };
    const answer = await fetch(store.endpoint, { method: 'POST', headers, body });
    response.writeHead(answer.status).end(await answer.text());
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return clientOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

const at = (SecretId: string, VersionStage: string) =>
  secrets.send(new GetSecretValueCommand({ SecretId, VersionStage })).then(
    ({ SecretString }) => SecretString,
    () => undefined,
  );

describe('a token is staged', () => {
  test('as a secret of its own where there is none, which goes with it', async () => {
    const kept = await stageToken(stack, 'a/kept', 'one');
    expect(kept.stage).toBeUndefined();
    await kept.keep();
    expect(store.current('a/kept')).toBe('one');
    const discarded = await stageToken(stack, 'a/discarded', 'one');
    await discarded.discard();
    expect(store.current('a/discarded')).toBeUndefined();
    await stageToken(stack, 'a/discarded', 'two');
    expect(store.current('a/discarded')).toBe('two');
  });

  test('beside the current one, which it replaces only when it is kept', async () => {
    store.put('b', 'old');
    const staged = await stageToken(stack, 'b', 'new');
    expect(staged.stage).toBe('AWSPENDING');
    expect([store.current('b'), await at('b', 'AWSPENDING')]).toEqual(['old', 'new']);
    await staged.keep();
    expect([store.current('b'), await at('b', 'AWSPREVIOUS'), await at('b', 'AWSPENDING')]).toEqual([
      'new',
      'old',
      undefined,
    ]);
  });

  test('beside the current one, which stays when it is discarded', async () => {
    store.put('c', 'old');
    await (await stageToken(stack, 'c', 'left by a command that was killed')).stage;
    const staged = await stageToken(stack, 'c', 'bad');
    await staged.discard();
    expect([store.current('c'), await at('c', 'AWSPENDING')]).toEqual(['old', undefined]);
  });

  test('in the form that the secret has', async () => {
    store.put('json', '{"apiKey":"old","owner":"security"}');
    const staged = await stageToken(stack, 'json', 'new');
    expect(await at('json', 'AWSPENDING')).toBe('{"apiKey":"new","owner":"security"}');
    await staged.keep();
    expect(store.current('json')).toBe('{"apiKey":"new","owner":"security"}');
    expect(staged.warnings).toEqual([]);
  });

  test('by itself where the secret may not be read, and says so', async () => {
    store.put('unread', '{"apiKey":"old","owner":"security"}');
    const blind = await clientRefusing('GetSecretValue', 'AccessDeniedException');
    const staged = await stageToken({ ...stack, secrets: blind }, 'unread', 'new');
    await staged.keep();
    expect([store.current('unread'), await at('unread', 'AWSPREVIOUS')]).toEqual([
      'new',
      '{"apiKey":"old","owner":"security"}',
    ]);
    expect(staged.warnings).toEqual([
      expect.stringMatching(/^No permission to read the secret unread\. .*AWSPREVIOUS\.$/),
    ]);
  });

  test('not at all where reading fails for another reason', async () => {
    store.put('fails', '{"apiKey":"old"}');
    const failing = await clientRefusing('GetSecretValue', 'InternalServiceError');
    await expect(stageToken({ ...stack, secrets: failing }, 'fails', 'new')).rejects.toThrow();
    expect([store.current('fails'), await at('fails', 'AWSPENDING')]).toEqual([
      '{"apiKey":"old"}',
      undefined,
    ]);
  });

  test('in a secret that waits to be deleted, which is restored, and deleted again when it is discarded', async () => {
    store.put('d', 'old');
    expect(await deleteSecret(stack, 'd')).toBe(true);
    expect(await at('d', 'AWSCURRENT')).toBeUndefined();
    await (await stageToken(stack, 'd', 'bad')).discard();
    expect(await at('d', 'AWSCURRENT')).toBeUndefined();
    await (await stageToken(stack, 'd', 'new')).keep();
    expect(await at('d', 'AWSCURRENT')).toBe('new');
  });
});

test.each([
  ['CreateSecret', 'echo/new'],
  ['PutSecretValue', 'echo'],
])('an answer to %s that repeats the request shows no token', async (operation, secretId) => {
  store.put('echo', '{"apiKey":"an-old-token","owner":"security"}');
  const echoing = await clientRefusing(operation, 'ValidationException', (body) => `invalid: ${body}`);
  const error = await stageToken({ ...stack, secrets: echoing }, secretId, 'a-new-token').catch((e) => e);
  expect(error).toMatchObject({ name: 'ValidationException', message: expect.stringMatching(/^invalid: /) });
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('a-new-token');
});

test('a secret that is not there can’t be deleted', async () => {
  expect(await deleteSecret(stack, 'nowhere')).toBe(false);
});
