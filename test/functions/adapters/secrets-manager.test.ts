import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Secrets } from '../../../functions/instances/ports.ts';

const hour = 60 * 60 * 1000;
let now = 0;
let asked: string[] = [];
let answer: (id: string) => object | undefined = () => undefined;
let secrets: Secrets;
let create: () => Secrets;

const server = createServer(async (request, response) => {
  const { SecretId } = JSON.parse((await buffer(request)).toString());
  asked.push(SecretId);
  const found = answer(SecretId);
  response
    .writeHead(found === undefined ? 400 : 200, { 'content-type': 'application/x-amz-json-1.1' })
    .end(JSON.stringify(found ?? { __type: 'ResourceNotFoundException' }));
});

const variables = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_ENDPOINT_URL_SECRETS_MANAGER: '',
};
const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  variables.AWS_ENDPOINT_URL_SECRETS_MANAGER = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  Object.assign(process.env, variables);
  const { secretsManager } = await import('../../../functions/adapters/secrets-manager.ts');
  create = () => secretsManager(() => now);
});
afterAll(() => {
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  server.close();
  server.closeAllConnections();
});
beforeEach(() => {
  [now, asked] = [0, []];
  secrets = create();
  answer = (id) => ({ Name: id, SecretString: `token of ${id}`, VersionId: 'v1' });
});

it('a secret is read once in four hours, and at once when it is asked for fresh', async () => {
  const value = async (fresh = false) => (await secrets.read('s', fresh))?.value;
  await Promise.all([value(), value()]);
  now = 4 * hour - 1;
  expect(await value()).toBe('token of s');
  expect(asked).toHaveLength(1);
  now = 4 * hour;
  await value();
  expect(asked).toHaveLength(2);
  answer = () => ({ SecretString: 'rotated', VersionId: 'v2' });
  expect([await value(), await value(true), await value()]).toEqual(['token of s', 'rotated', 'rotated']);
  expect(asked).toHaveLength(3);
});

it('one that is not there is looked for again', async () => {
  answer = () => undefined;
  for (let i = 0; i < 2; i++) expect(await secrets.read('s', false)).toBeUndefined();
  expect(asked).toHaveLength(2);
});

it('of more than 16 MiB of values the oldest are dropped, and those that are read again come last', async () => {
  answer = (id) => ({ SecretString: id.repeat(6 * 1024 * 1024), VersionId: 'v1' });
  for (const [id, fresh] of [['a'], ['b'], ['a', true], ['c']] as const)
    await secrets.read(id, fresh ?? false);
  asked = [];
  for (const id of ['a', 'c', 'b']) await secrets.read(id, false);
  expect(asked).toEqual(['b']);
});
