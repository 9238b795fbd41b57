import { MisconfiguredError, RecordChangedError } from '../errors.ts';
import { type Instance, isStill } from './instance.ts';
import type { Instances, Secret, TokenHosts } from './ports.ts';
import { partsOf } from './shared-secret.ts';
import { boundHost, readToken } from './token.ts';

/** What is needed to decide whether a token may be sent to a host. */
export interface OwnerPorts {
  readonly instances: Pick<Instances, 'read'>;
  readonly tokenHosts: TokenHosts;
}

/**
 * Returns the token of an instance's secret if it may be sent to the instance's host. A secret that names a host is
 * bound to it. A token whose secret names none is bound to the host where it is first used, if the stored record has
 * this host and this secret. Throws MisconfiguredError, or RecordChangedError if the stored record has another host
 * or secret.
 */
export async function tokenFor(
  instance: Instance,
  secret: Secret | undefined,
  ports: OwnerPorts,
): Promise<string> {
  const { host, secretId } = instance;
  const token = readToken(secret?.value, secretId);
  const first = async () => {
    await confirm(instance, ports);
    return host;
  };
  const stored = `${secret?.version} ${token}`;
  const named = boundHost(secret?.value);
  // The key of a shared secret always has a host: there is no first use to bind it.
  if (named === undefined && partsOf(secretId).key !== undefined) throw foreign(instance, 'names no host');
  const bound = named ?? (await ports.tokenHosts.hostOf(stored, first));
  if (bound !== host) throw foreign(instance, 'is bound to another host');
  return token;
}

/** Throws RecordChangedError unless the stored record still has the instance's host and secret. */
export async function confirm(
  instance: Instance,
  { instances }: Pick<OwnerPorts, 'instances'>,
): Promise<void> {
  if (isStill(instance, await instances.read(instance.instance))) return;
  throw new RecordChangedError(`the record of ${instance.instance} was changed: the next poll continues`);
}

export function foreign({ instance, host, secretId }: Instance, problem: string): MisconfiguredError {
  return new MisconfiguredError(
    'secretId',
    `the secret of ${instance} ${problem}, so its token is not sent to ${host}`,
    `Store the token of ${host} in the secret ${secretId}: collector rotate ${instance}; for another host than before: collector set ${instance} --host ${host}. By hand: {"apiKey": "…", "host": "${host}"}.`,
  );
}
