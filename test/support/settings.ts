/** Every setting that gives a function a further right. */
export const everyRight: Readonly<Record<string, unknown>> = {
  secretArns: [
    'arn:aws:secretsmanager:us-east-1:000000000000:secret:team/console-AbCdEf',
    'arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555',
  ],
  analyticsUrl: 'https://analytics.example',
  forwarder: { rememberAcceptedDays: 7 },
  keyArn: 'arn:aws:kms:us-east-1:000000000000:key/99999999-8888-7777-6666-555555555555',
  vpc: { subnetIds: ['subnet-0a1b2c3d', 'subnet-4e5f6a7b'], securityGroupIds: ['sg-0a1b2c3d'] },
  // Further runs are then allowed.
  reservedConcurrency: 2,
};

/** Every setting that adds something to the stack. */
export const everySetting: Readonly<Record<string, unknown>> = {
  ...everyRight,
  proxy: { url: 'http://proxy.example:3128', except: ['.amazonaws.com', '10.0.0.5:8080'] },
  alarmEmail: 'security@example.com',
  metrics: 'per-instance',
  roles: { path: '/security/', permissionsBoundaryArn: 'arn:aws:iam::000000000000:policy/boundary' },
};

/** The longest name that a stack may have. */
export const longestStackName = 'A'.repeat(40);
