import { describe, expect, it } from 'vitest';
import { readInstance } from '../../../functions/instances/instance.ts';
import { tokenFor } from '../../../functions/instances/secret-owner.ts';
import { FakeInstances, FakeTokenHosts } from '../../fakes/stores.ts';

const host = 'usea1-acme.sentinelone.net';
const other = 'usea1-hooli.sentinelone.net';
const rules = { allowedHostSuffixes: ['.sentinelone.net'], streams: [] };
const bound = (to: unknown) => JSON.stringify({ apiKey: 'hunter2', host: to });

/** The token that `acme` gets for its host, where the table has this record, and hunter2 was used there before. */
function asked(value: string, stored?: object, usedAt?: string, secretId?: string) {
  const instances = new FakeInstances();
  if (stored !== undefined) instances.put({ instance: 'acme', ...stored });
  const tokenHosts = new FakeTokenHosts();
  if (usedAt !== undefined) tokenHosts.hosts.set('v1 hunter2', usedAt);
  const instance = readInstance({ instance: 'acme', host, ...(secretId && { secretId }) }, rules);
  const token = tokenFor(instance, { value, version: 'v1' }, { instances, tokenHosts });
  return { token, tokenHosts };
}

describe('a token is sent', () => {
  it.each<[what: string, ...Parameters<typeof asked>]>([
    ['whose secret names the host', bound(host)],
    ['whose secret names the host as a browser shows it', bound(`https://${host.toUpperCase()}/`)],
    ['whose secret names the host, also if it was used at another one before', bound(host), undefined, other],
    ['that was used there before', 'hunter2', undefined, host],
    ['of another form that was used there before', '{"apiKey":"hunter2"}', undefined, host],
    ['for the first time, if the table has the same record', 'hunter2', { host: `https://${host}/` }],
    [
      'for the first time, from a secret that the table names',
      'hunter2',
      { host, secretId: 'team/a' },
      undefined,
      'team/a',
    ],
  ])('%s', async (_, ...given) => {
    expect(await asked(...given).token).toBe('hunter2');
  });

  it('and is then bound to the host', async () => {
    const { token, tokenHosts } = asked('hunter2', { host });
    await token;
    expect([...tokenHosts.hosts]).toEqual([['v1 hunter2', host]]);
  });
});

describe('a token is not sent', () => {
  it.each<[what: string, ...Parameters<typeof asked>]>([
    ['whose secret names another host', bound(other), { host }],
    ['whose secret names no host in its place', bound(7), { host }],
    ['whose secret names a host that only begins like it', bound(`${host}.evil.example`), { host }],
    ['that was used at another host before', 'hunter2', { host }, other],
  ])('%s', async (_, ...given) => {
    const { token } = asked(...given);
    await expect(token).rejects.toMatchObject({
      name: 'MisconfiguredError',
      attribute: 'secretId',
      remedy: expect.stringContaining(host),
    });
    await expect(token).rejects.not.toThrow('hunter2');
  });

  it.each<[what: string, stored: object | undefined, secretId?: string]>([
    ['there is no record', undefined],
    ['the record has another host', { host: other }],
    ['the record has another secret', { host, secretId: 'team/b' }],
    ['the record does not have the secret that was asked for', { host }, 'team/a'],
  ])('for the first time if %s, and stays unbound', async (_, stored, secretId) => {
    const { token, tokenHosts } = asked('hunter2', stored, undefined, secretId);
    await expect(token).rejects.toMatchObject({ name: 'RecordChangedError' });
    expect(tokenHosts.hosts.size).toBe(0);
  });
});
