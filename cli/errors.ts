/** What an operator is told instead of an answer: what is wrong, and what to do. Ends the command with 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly remedy: string;

  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.remedy = remedy;
  }
}

/** A command that makes no sense as it was typed. Ends with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const remedies: Readonly<Record<string, (said: string) => CommandError>> = {
  CredentialsProviderError: () =>
    new CommandError(
      'there are no AWS credentials',
      'Set AWS_PROFILE or --profile, or sign in as for the AWS CLI (aws sso login, aws configure).',
    ),
  ExpiredToken: expired,
  ExpiredTokenException: expired,
  AccessDenied: denied,
  AccessDeniedException: denied,
  AuthorizationErrorException: denied,
  ECONNREFUSED: (said) =>
    new CommandError(said, 'Is npm start still running? Otherwise check the network, and a proxy between.'),
};

function expired(): CommandError {
  return new CommandError('the AWS credentials have expired', 'Sign in again (aws sso login).');
}

function denied(said: string): CommandError {
  return new CommandError(said, 'docs/cli.md lists the rights that each command needs.');
}

/** Puts what AWS says into an operator's words; what is not known stays as it is. */
export function explained(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  const { name = 'Error', message = String(error), code } = error as Partial<NodeJS.ErrnoException>;
  if (message === 'Region is missing') {
    return new CommandError('there is no AWS region', 'Set AWS_REGION or --region, or one in ~/.aws/config.');
  }
  const known = remedies[name] ?? remedies[code ?? ''];
  if (known !== undefined) return known(message);
  return new CommandError(`${name}: ${message}`, 'If this is not your doing, report it.', { cause: error });
}
