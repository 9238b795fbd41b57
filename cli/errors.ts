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

const remedies: Readonly<Record<string, (message: string) => CommandError>> = {
  CredentialsProviderError: () =>
    new CommandError(
      'no AWS credentials found',
      'Set AWS_PROFILE or --profile, or sign in with the AWS CLI (aws sso login, aws configure).',
    ),
  InvalidClientTokenId: refused,
  SignatureDoesNotMatch: refused,
  UnrecognizedClientException: refused,
  ExpiredToken: expired,
  ExpiredTokenException: expired,
  AccessDenied: denied,
  AccessDeniedException: denied,
  AuthorizationErrorException: denied,
  ECONNREFUSED: (message) =>
    new CommandError(
      message,
      'With --local, check that npm start is still running. Otherwise check the network and the proxy.',
    ),
};

function expired(): CommandError {
  return new CommandError('the AWS credentials have expired', 'Sign in again (aws sso login).');
}

function refused(): CommandError {
  return new CommandError(
    'AWS does not accept these credentials',
    'Check AWS_PROFILE and the access key, or sign in again (aws sso login).',
  );
}

function denied(message: string): CommandError {
  return new CommandError(message, 'See docs/cli.md for the AWS permissions that each command needs.');
}

/** Adds a remedy to the errors of AWS that an operator can fix. The message of any other error stays as it is. */
export function explained(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  const { name = 'Error', message = String(error), code } = error as Partial<NodeJS.ErrnoException>;
  if (message === 'Region is missing') {
    return new CommandError(
      'no AWS region configured',
      'Set AWS_REGION or --region, or set a region in ~/.aws/config.',
    );
  }
  const known = remedies[name] ?? remedies[code ?? ''];
  if (known !== undefined) return known(message);
  return new CommandError(`${name}: ${message}`, 'Unexpected error. Please report it.', { cause: error });
}
