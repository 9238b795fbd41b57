import type { Clock } from './clock.ts';
import { MisconfiguredError, TokenRefusedError } from './errors.ts';
import { LoginRefusedError } from './forward-errors.ts';
import type { Analytics, Credentials } from './forward-ports.ts';
import { at, text } from './json.ts';
import type { Secret, Secrets } from './ports.ts';
import type { Json } from './stream.ts';

/** A login to Analytics that lasts over many requests and runs. */
export interface Session {
  /**
   * Runs `operation` with a token; where the token is refused, once more with a new one. Throws what `operation`
   * throws, LoginRefusedError, or MisconfiguredError where the secret holds no credentials.
   */
  with<T>(operation: (token: string) => Promise<T>, timeoutMs: number): Promise<T>;
}

/** Tokens live 24 hours (Analytics' documentation of its API) and can't be refreshed. */
const lifeMs = 24 * 60 * 60 * 1000;
/** Renewed so long before its end: longer than a run takes. */
const marginMs = 5 * 60 * 1000;
/** After a refused login the secret is looked at no more often than this. */
const secretPauseMs = 60 * 1000;
/** The same credentials are tried no more often than this, lest the account be locked. */
const loginPauseMs = 10 * 60 * 1000;

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
  let current: { readonly token: string; readonly renewAt: number } | undefined;
  let refusal: Refusal | undefined;

  const login = async (secret: Secret | undefined, timeoutMs: number): Promise<string> => {
    const credentials = readCredentials(secret?.value, secretId);
    const now = clock.now();
    try {
      const token = await analytics.login(credentials, timeoutMs);
      current = { token, renewAt: endOf(token, now) - marginMs };
      refusal = undefined;
      return token;
    } catch (error) {
      if (error instanceof LoginRefusedError)
        refusal = { error, secretVersion: secret?.version ?? '', loginAt: now, secretAt: now };
      throw error;
    }
  };

  const afterRefusal = async (past: Refusal, timeoutMs: number): Promise<string> => {
    const now = clock.now();
    if (now - past.secretAt < secretPauseMs) throw past.error;
    past.secretAt = now;
    const secret = await secrets.read(secretId, true);
    if (secret?.version === past.secretVersion && now - past.loginAt < loginPauseMs) throw past.error;
    return login(secret, timeoutMs);
  };

  const tokenOf = async (timeoutMs: number): Promise<string> => {
    if (current !== undefined && clock.now() < current.renewAt) return current.token;
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

  return {
    async with(operation, timeoutMs) {
      const token = await tokenOf(timeoutMs);
      try {
        return await operation(token);
      } catch (error) {
        if (!(error instanceof TokenRefusedError)) throw error;
        if (current?.token === token) current = undefined;
      }
      try {
        return await operation(await tokenOf(timeoutMs));
      } catch (error) {
        if (!(error instanceof TokenRefusedError)) throw error;
        current = undefined;
        throw new LoginRefusedError('Analytics refuses the token that it has just given');
      }
    },
  };
}

/** The credentials in a secret's value; throws MisconfiguredError, which never quotes the value. */
function readCredentials(value: string | undefined, secretId: string): Credentials {
  const secret = parsed(value ?? '');
  const [email, password] = [text(secret, 'email'), text(secret, 'password')];
  if (email !== undefined && password !== undefined) return { email, password };
  const problem = value === undefined ? 'does not exist or may not be read' : 'has no email and password';
  throw new MisconfiguredError(
    'analyticsSecretId',
    `the secret ${secretId} ${problem}`,
    `Put {"email": "…", "password": "…"} of a user of Analytics into the secret ${secretId}. Nothing is lost: the messages stay in the artifact queue.`,
  );
}

function parsed(value: string): Json | undefined {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

/** When a JWT ends by its own claim, or else by the documented life. */
function endOf(token: string, now: number): number {
  const payload = parsed(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  const exp = at(payload, 'exp');
  return typeof exp === 'number' ? Math.min(exp * 1000, now + lifeMs) : now + lifeMs;
}
