import { MisconfiguredError, TokenRefusedError } from '../errors.ts';
import type { Secret, Secrets } from '../instances/ports.ts';
import type { Clock } from '../kit/clock.ts';
import { at, parsed, text } from '../kit/json.ts';
import { LoginRefusedError } from './errors.ts';
import type { Analytics, Credentials } from './ports.ts';

/** A login to Analytics, used for many requests and runs. */
export interface Session {
  /**
   * Runs `operation` with a token, and once more with a new token if it is refused. Calls `timeoutMs` before each
   * request. Throws the errors of `operation` and `timeoutMs`, LoginRefusedError, or MisconfiguredError if the
   * secret contains no credentials.
   */
  with<T>(operation: (token: string, timeoutMs: number) => Promise<T>, timeoutMs: () => number): Promise<T>;
}

/** Tokens are valid for 24 hours (Analytics API documentation) and cannot be refreshed. */
const lifeMs = 24 * 60 * 60 * 1000;

/** A token is renewed this long before it expires: longer than a run takes. */
const marginMs = 5 * 60 * 1000;

/** The minimum time between reads of the secret after a refused login. */
const secretPauseMs = 60 * 1000;

/** The minimum time between logins with the same refused credentials, to avoid an account lockout. */
const loginPauseMs = 10 * 60 * 1000;

interface Login {
  readonly token: string;
  readonly renewAt: number;
  readonly secretVersion: string;
}

interface Refusal {
  readonly error: LoginRefusedError;
  readonly secretVersion: string;
  readonly loginAt: number;
  secretAt: number;
}

export function openSession(
  secretId: string,
  { analytics, secrets, clock }: { analytics: Analytics; secrets: Secrets; clock: Clock },
): Session {
  let current: Login | undefined;
  let refusal: Refusal | undefined;
  let renewal: Promise<string> | undefined;

  const refuse = (error: LoginRefusedError, secretVersion: string): LoginRefusedError => {
    const now = clock.now();
    refusal = { error, secretVersion, loginAt: now, secretAt: now };
    return error;
  };

  const login = async (secret: Secret | undefined, timeoutMs: () => number): Promise<string> => {
    const credentials = readCredentials(secret?.value, secretId);
    const secretVersion = secret?.version ?? '';
    try {
      const token = await analytics.login(credentials, timeoutMs());
      current = { token, renewAt: renewalOf(token, clock.now()), secretVersion };
      refusal = undefined;
      return token;
    } catch (error) {
      throw error instanceof LoginRefusedError ? refuse(error, secretVersion) : error;
    }
  };

  const afterRefusal = async (past: Refusal, timeoutMs: () => number): Promise<string> => {
    const now = clock.now();
    if (now - past.secretAt < secretPauseMs) throw past.error;
    past.secretAt = now;
    const secret = await secrets.read(secretId, true);
    if (secret?.version === past.secretVersion && now - past.loginAt < loginPauseMs) throw past.error;
    return login(secret, timeoutMs);
  };

  const renew = async (timeoutMs: () => number): Promise<string> => {
    if (refusal !== undefined) return afterRefusal(refusal, timeoutMs);
    const secret = await secrets.read(secretId, false);
    try {
      return await login(secret, timeoutMs);
    } catch (error) {
      if (!(error instanceof LoginRefusedError || error instanceof MisconfiguredError)) throw error;
      const fresh = await secrets.read(secretId, true);
      if (fresh?.version === secret?.version) throw error;
      return login(fresh, timeoutMs);
    }
  };

  /** Parallel requests share one login, so a wrong password is tried only once. */
  const tokenOf = async (timeoutMs: () => number): Promise<string> => {
    if (current !== undefined && clock.now() < current.renewAt) return current.token;
    renewal ??= renew(timeoutMs).finally(() => {
      renewal = undefined;
    });
    return renewal;
  };

  return {
    async with(operation, timeoutMs) {
      const token = await tokenOf(timeoutMs);
      try {
        return await operation(token, timeoutMs());
      } catch (error) {
        if (!(error instanceof TokenRefusedError)) throw error;
        if (current?.token === token) current = undefined;
      }
      const renewed = await tokenOf(timeoutMs);
      try {
        return await operation(renewed, timeoutMs());
      } catch (error) {
        if (!(error instanceof TokenRefusedError)) throw error;
        const refused = new LoginRefusedError('Analytics refuses the token that it has just issued');
        if (current?.token !== renewed) throw refused;
        const { secretVersion } = current;
        current = undefined;
        throw refuse(refused, secretVersion);
      }
    },
  };
}

/** Reads the credentials from a secret's value. Throws MisconfiguredError, which never quotes the value. */
function readCredentials(value: string | undefined, secretId: string): Credentials {
  const secret = parsed(value ?? '');
  const [email, password] = [text(secret, 'email'), text(secret, 'password')];
  if (email !== undefined && password !== undefined) return { email, password };
  const problem = value === undefined ? 'does not exist or may not be read' : 'has no email and password';
  throw new MisconfiguredError(
    'forwarder.secretId',
    `the secret ${secretId} ${problem}`,
    `Put {"email": "…", "password": "…"} of a user of Analytics into the secret ${secretId}. Nothing is lost: the messages stay in the artifact queue.`,
  );
}

/** When to renew a token: before its `exp` claim, or before the documented lifetime. */
function renewalOf(token: string, now: number): number {
  const payload = parsed(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  const exp = at(payload, 'exp');
  const saidMs = typeof exp === 'number' ? exp * 1000 - now : lifeMs;
  // A new token that has already expired comes from a wrong clock. Its real expiry shows as a 401.
  const leftMs = saidMs > 0 ? Math.min(saidMs, lifeMs) : lifeMs;
  return now + Math.max(leftMs - marginMs, leftMs / 2);
}
