/** Settings with which everything that is optional is deployed, and as much of it as there can be. */
export const everySetting: Readonly<Record<string, unknown>> = {
  secretArns: ['arn:aws:secretsmanager:us-east-1:000000000000:secret:team/console-AbCdEf'],
  secretKeyArns: ['arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555'],
};

/** The longest name that a stack may have. */
export const longestStackName = 'A'.repeat(40);
