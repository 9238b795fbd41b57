/** An error with a remedy, which the command prints. The exit code is 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly remedy: string;

  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.remedy = remedy;
  }
}

/** A usage error: wrong or missing arguments. The exit code is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

type Said = readonly [message: string, remedy: string];

const signIn = 'Set AWS_PROFILE or --profile, or sign in with the AWS CLI (aws sso login, aws configure).';
const noCredentials: Said = ['no AWS credentials found', signIn];
const wrongKeys: Said = [
  'AWS does not accept these credentials',
  'Check the access key and its secret (aws sts get-caller-identity), or sign in again (aws sso login).',
];
const expired: Said = ['the AWS credentials have expired', 'Sign in again (aws sso login).'];
const throttled: Said = [
  'AWS throttles these calls, and repeating them did not help',
  'Wait a minute, then run this again.',
];
const wrongClock: Said = [
  "AWS does not accept the time of this machine's clock",
  'Correct the clock, then run this again.',
];

/** By the name or the code of an error. */
const known: Readonly<Record<string, Said>> = {
  CredentialsProviderError: noCredentials,
  InvalidClientTokenId: wrongKeys,
  SignatureDoesNotMatch: wrongKeys,
  InvalidSignatureException: wrongKeys,
  IncompleteSignature: wrongKeys,
  IncompleteSignatureException: wrongKeys,
  UnrecognizedClientException: wrongKeys,
  MissingAuthenticationToken: wrongKeys,
  MissingAuthenticationTokenException: wrongKeys,
  AuthFailure: wrongKeys,
  InvalidAccessKeyId: wrongKeys,
  ExpiredToken: expired,
  ExpiredTokenException: expired,
  TokenProviderError: expired,
  RequestExpired: wrongClock,
  RequestTimeTooSkewed: wrongClock,
  Throttling: throttled,
  ThrottlingException: throttled,
  ThrottledException: throttled,
  RequestLimitExceeded: throttled,
  RequestThrottled: throttled,
  TooManyRequestsException: throttled,
  ProvisionedThroughputExceededException: throttled,
  OptInRequired: [
    'this account cannot use this region',
    'Choose another region with --region, or enable this one in the account.',
  ],
  ECONNREFUSED: [
    'the connection was refused',
    'With --local, check that npm start is still running. Otherwise check the network and the proxy.',
  ],
  ENOTFOUND: [
    'AWS has no address in this region, or this machine cannot resolve names',
    'Check --region and AWS_REGION (such as eu-west-1), the network and the proxy.',
  ],
  EAI_AGAIN: ['this machine cannot resolve names', 'Check the network and the proxy.'],
  ETIMEDOUT: ['AWS does not answer', 'Check the network and the proxy.'],
  TimeoutError: ['AWS does not answer in time', 'Check the network and the proxy, then run this again.'],
};

const denials = /^(AccessDenied|AccessDeniedException|AuthorizationError(Exception)?|UnauthorizedOperation)$/;

/** Errors of AWS and its SDK that only their message distinguishes. */
const byText: readonly (readonly [text: RegExp, said: (found: readonly string[]) => Said])[] = [
  [
    /^Region is missing/,
    () => ['no AWS region configured', 'Set AWS_REGION or --region, or set a region in ~/.aws/config.'],
  ],
  [
    /\b(?:SSO|session|token)\b.*\b(?:expired|invalid|refresh)\b/i,
    () => ['the AWS session has expired', 'Sign in again (aws sso login).'],
  ],
  [
    /\bat 'stackName' failed to satisfy constraint/,
    () => ['--stack is not a name of a stack', 'Use letters, digits and hyphens, then run this again.'],
  ],
  [
    /^Region not accepted|^Invalid region|hostname component/i,
    () => ['--region is not an AWS region', 'Use a region such as eu-west-1, then run this again.'],
  ],
  [/^Signature (?:expired|not yet current)/, () => wrongClock],
];

/** Messages of other errors are not searched, because they can contain anything. */
const textual =
  /^(CredentialsProviderError|TokenProviderError|Error|ValidationError|InvalidSignatureException|SignatureDoesNotMatch)$/;

/** Adds a remedy to every error. */
export function explained(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  const { name = 'Error', message = String(error), code } = error as Partial<NodeJS.ErrnoException>;
  if (textual.test(name)) {
    for (const [text, said] of byText) {
      const found = text.exec(message);
      if (found !== null) return new CommandError(...said(found), { cause: error });
    }
  }
  if (denials.test(name)) {
    const remedy = 'See docs/cli.md for the AWS permissions that each command needs.';
    return new CommandError(message, remedy, { cause: error });
  }
  const { remedy } = error as { readonly remedy?: unknown };
  if (typeof remedy === 'string') return new CommandError(message, remedy, { cause: error });
  const said = known[name] ?? known[code ?? ''];
  if (said !== undefined) return new CommandError(...said, { cause: error });
  return new CommandError(
    `${name}: ${message}`,
    'Run this again. If it persists, report it with the command and this message.',
    { cause: error },
  );
}
