import { MisconfiguredError } from '../errors.ts';
import { defaultSecretId, type Instance } from './instance.ts';
import { boundHost } from './token.ts';

/**
 * Throws MisconfiguredError unless the secret belongs to the instance, so that nobody has the token of one instance sent
 * to the host of another: the secret names the host, or it names none and is the instance's own.
 * @param stored the instance's record in the table; undefined where there is none
 */
export function refuseForeign(
  { instance, host, secretId }: Instance,
  secret: string,
  stored: Readonly<Record<string, unknown>> | undefined,
): void {
  const bound = boundHost(secret);
  const isOwn = secretId === defaultSecretId(instance) || secretId === stored?.secretId;
  if (bound === host || (bound === undefined && isOwn)) return;
  const problem =
    bound === undefined ? `does not say that it belongs to ${instance}` : 'is bound to another host';
  throw new MisconfiguredError(
    'secretId',
    `the secret of ${instance} ${problem}, so its token is not sent to ${host}`,
    `Store the secret as {"apiKey": "…", "host": "${host}"}, or under the name ${defaultSecretId(instance)}.`,
  );
}
