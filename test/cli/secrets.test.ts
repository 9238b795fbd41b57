import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import {
  DeleteSecretCommand,
  GetSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deleteSecret } from '../../cli/secret-calls.ts';
import { stageToken } from '../../cli/secrets.ts';
import type { Stack } from '../../cli/stack.ts';
import { type LocalSecretsManager, startSecretsManager } from '../../local/aws/secrets-manager.ts';

let store: LocalSecretsManager;
let secrets: SecretsManagerClient;
let stack: Stack;

const clientOf = (endpoint: string) =>
  new SecretsManagerClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local', sessionToken: 'of-this-test' },
    maxAttempts: 1,
  });

beforeAll(async () => {
  store = await startSecretsManager('of-this-test');
  store.lagMs = 0;
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
    const headers = {
      'x-amz-security-token': 'of-this-test',
      'x-amz-target': String(target),
      'content-type': String(type),
    };
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

const host = 'a.example';
const value = (apiKey: string, more = {}) => JSON.stringify({ apiKey, ...more, host });
const stage = (id: string, token: string, rebinds = false) => stageToken(stack, id, token, host, rebinds);

describe('a token is staged', () => {
  test('as a secret of its own where there is none, which can be restored when it is discarded', async () => {
    const kept = await stage('a/kept', 'one');
    await kept.keep();
    expect(store.current('a/kept')).toBe(value('one'));
    await (await stage('a/discarded', 'one')).discard();
    expect(store.current('a/discarded')).toBeUndefined();
    await (await stage('a/discarded', 'two')).keep();
    expect(store.current('a/discarded')).toBe(value('two'));
  });

  test('beside the current one, which it replaces only when it is kept', async () => {
    store.put('b', 'old');
    const staged = await stage('b', 'new');
    expect([store.current('b'), await at('b', 'AWSPENDING')]).toEqual(['old', value('new')]);
    await staged.keep();
    expect([store.current('b'), await at('b', 'AWSPREVIOUS'), await at('b', 'AWSPENDING')]).toEqual([
      value('new'),
      'old',
      undefined,
    ]);
    await staged.discard();
    expect(store.current('b')).toBe('old');
  });

  test('beside the current one, which stays when it is discarded', async () => {
    store.put('c', 'old');
    await stage('c', 'left by a command that was killed');
    const staged = await stage('c', 'bad');
    await staged.discard();
    expect([store.current('c'), await at('c', 'AWSPENDING')]).toEqual(['old', undefined]);
  });

  test.each<[string, string | Uint8Array]>([
    ['text', '{"apiKey":"old","owner":"security"}'],
    ['text behind a BOM', '\uFEFF{"apiKey":"old","owner":"security"}'],
    ['bytes', Buffer.from('{"apiKey":"old","owner":"security"}')],
  ])('in the form that the secret has: %s', async (_, form) => {
    store.put('json', form);
    const staged = await stage('json', 'new');
    await staged.keep();
    expect(store.current('json')).toBe(value('new', { owner: 'security' }));
    expect(staged.warnings).toEqual([]);
  });

  test('by itself where the secret may not be read, and says so', async () => {
    store.put('unread', '{"apiKey":"old","owner":"security"}');
    const blind = await clientRefusing('GetSecretValue', 'AccessDeniedException');
    const staged = await stageToken({ secrets: blind }, 'unread', 'new', host);
    await staged.keep();
    expect([store.current('unread'), await at('unread', 'AWSPREVIOUS')]).toEqual([
      value('new'),
      '{"apiKey":"old","owner":"security"}',
    ]);
    expect(staged.warnings).toEqual([
      expect.stringMatching(/^No permission to read the secret unread\. .*AWSPREVIOUS\.$/),
    ]);
  });

  test.each<[what: string, old: string | Uint8Array, error: RegExp]>([
    ['contains JSON that is cut off', '{"apiKey":"old","owner":', /JSON that cannot be read/],
    ['contains a list', '["old"]', /JSON that cannot be read/],
    ['contains bytes of such JSON', Buffer.from('\uFEFF{"apiKey":"old",'), /JSON that cannot be read/],
    [
      'is bound to another host',
      '{"apiKey":"old","host":"b.example"}',
      /is bound to "b\.example", not to a\.example/,
    ],
  ])('not at all where the secret %s', async (_, old, error) => {
    store.put('odd', old);
    await expect(stage('odd', 'new')).rejects.toThrow(error);
    expect([store.current('odd'), await at('odd', 'AWSPENDING')]).toEqual([old.toString(), undefined]);
  });

  test('for another host than before, if that is wanted', async () => {
    store.put('moved', '{"apiKey":"old","host":"b.example"}');
    await (await stage('moved', 'new', true)).keep();
    expect(store.current('moved')).toBe(value('new'));
  });

  test('not at all where reading fails for another reason', async () => {
    store.put('fails', '{"apiKey":"old"}');
    const failing = await clientRefusing('GetSecretValue', 'InternalServiceError');
    await expect(stageToken({ secrets: failing }, 'fails', 'new', host)).rejects.toThrow();
    expect([store.current('fails'), await at('fails', 'AWSPENDING')]).toEqual([
      '{"apiKey":"old"}',
      undefined,
    ]);
  });

  test('in a secret that waits to be deleted, which is restored, and deleted again when it is discarded', async () => {
    store.put('d', 'old');
    expect(await deleteSecret(stack, 'd')).toBe(true);
    expect(await at('d', 'AWSCURRENT')).toBeUndefined();
    await (await stage('d', 'bad')).discard();
    expect(await at('d', 'AWSCURRENT')).toBeUndefined();
    await (await stage('d', 'new')).keep();
    expect(await at('d', 'AWSCURRENT')).toBe(value('new'));
  });
});

describe.concurrent('two at once', () => {
  test('of two commands the later one wins, and the other does not touch its token', async () => {
    store.put('two', 'old');
    const first = await stage('two', 'first');
    const second = await stage('two', 'second');
    await expect(first.keep()).rejects.toThrow(/was changed by another command/);
    await first.discard();
    expect([store.current('two'), await at('two', 'AWSPENDING')]).toEqual(['old', value('second')]);
    await second.keep();
    expect(store.current('two')).toBe(value('second'));
  }, 30_000);

  test('a rotation that promotes its own version in the meantime is not undone', async () => {
    store.put('rotated', 'old');
    const staged = await stage('rotated', 'mine');
    store.put('rotated', 'of the rotation');
    await expect(staged.keep()).rejects.toThrow(/or by its rotation/);
    await staged.discard();
    expect([store.current('rotated'), await at('rotated', 'AWSPENDING')]).toEqual([
      'of the rotation',
      undefined,
    ]);
  }, 30_000);

  test('a new secret in which another command stored a token is not deleted', async () => {
    const first = await stage('new/two', 'first');
    await (await stage('new/two', 'second')).keep();
    await expect(first.keep()).rejects.toThrow(/was changed/);
    await first.discard();
    expect(store.current('new/two')).toBe(value('second'));
  }, 30_000);
});

describe.concurrent('where Secrets Manager is 1.5 s behind', () => {
  let late: LocalSecretsManager;
  beforeAll(async () => {
    late = await startSecretsManager('of-this-test');
    late.lagMs = 1_500;
  });
  afterAll(() => late.close());
  const stageLate = (id: string, token: string) =>
    stageToken({ secrets: clientOf(late.endpoint) }, id, token, host);

  test.each(['new', 'there'])(
    'a token is staged and kept: the secret is %s',
    async (found) => {
      const id = found;
      if (found === 'there') late.put(id, 'old');
      await (await stageLate(id, 'good')).keep();
      expect(late.current(id)).toBe(value('good'));
    },
    60_000,
  );

  test('a secret that was just discarded is staged again', async () => {
    await (await stageLate('again', 'bad')).discard();
    await (await stageLate('again', 'good')).keep();
    expect(late.current('again')).toBe(value('good'));
  }, 60_000);

  test('a secret that is being deleted at once is waited for', async () => {
    late.put('forced', 'old');
    await clientOf(late.endpoint).send(
      new DeleteSecretCommand({ SecretId: 'forced', ForceDeleteWithoutRecovery: true }),
    );
    await (await stageLate('forced', 'good')).keep();
    expect(late.current('forced')).toBe(value('good'));
  }, 60_000);
});

test.each([
  ['CreateSecret', 'echo/new'],
  ['PutSecretValue', 'echo'],
])('an answer to %s that repeats the request shows no token', async (operation, secretId) => {
  store.put('echo', '{"apiKey":"an-old-token","owner":"security"}');
  const echoing = await clientRefusing(operation, 'ValidationException', (body) => `invalid: ${body}`);
  const error = await stageToken({ secrets: echoing }, secretId, 'a-new-token', host).catch((e) => e);
  expect(error).toMatchObject({ name: 'ValidationException', message: expect.stringMatching(/^invalid: /) });
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('a-new-token');
});

test('a secret that is not there can’t be deleted', async () => {
  expect(await deleteSecret(stack, 'nowhere')).toBe(false);
});
