import { describe, expect, it } from 'vitest';
import { readInstance } from '../../../functions/instances/instance.ts';
import { refuseForeign } from '../../../functions/instances/secret-owner.ts';

const host = 'usea1-acme.sentinelone.net';
const rules = { allowedHostSuffixes: ['.sentinelone.net'], streams: [] };
const asked = (secretId?: string) =>
  readInstance({ instance: 'acme', host, ...(secretId && { secretId }) }, rules);
const bound = (to: unknown) => JSON.stringify({ apiKey: 'hunter2', host: to });

describe('a secret', () => {
  it.each<[string, string, string | undefined, object | undefined]>([
    ["under the instance's own name", 'hunter2', undefined, undefined],
    ['that the record in the table names', 'hunter2', 'team/acme', { secretId: 'team/acme' }],
    ['that names the host', bound(host), 'team/any', undefined],
    [
      'that names the host as a browser shows it',
      bound(`https://${host.toUpperCase()}/`),
      'team/any',
      undefined,
    ],
    ['of another form that names no host', '{"apiKey":"hunter2"}', undefined, undefined],
  ])('belongs to an instance: %s', (_, value, secretId, stored) => {
    expect(() => refuseForeign(asked(secretId), value, stored as never)).not.toThrow();
  });

  const others: [string, string, string | undefined, object | undefined][] = [
    ['of another instance', 'hunter2', 'signal-client/sentinelone/hooli', { instance: 'acme' }],
    ['of nobody', 'hunter2', 'team/any', undefined],
    ['that another record than the one in the table names', 'hunter2', 'team/any', { secretId: 'team/acme' }],
    ['that names another host', bound('usea1-hooli.sentinelone.net'), undefined, undefined],
    [
      'that names another host, also where the record names it',
      bound('x.sentinelone.net'),
      'team/x',
      { secretId: 'team/x' },
    ],
    ['that names no host in its place', bound(7), undefined, undefined],
  ];
  it.each(others)('does not: %s', (_, value, secretId, stored) => {
    const refused = () => refuseForeign(asked(secretId), value, stored as never);
    expect(refused).toThrow(expect.objectContaining({ name: 'MisconfiguredError', attribute: 'secretId' }));
    expect(refused).not.toThrow('hunter2');
    expect(refused).toThrow(expect.objectContaining({ remedy: expect.stringContaining(host) }));
  });
});
