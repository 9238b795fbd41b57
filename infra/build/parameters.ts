/** A value in a template. */
type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value };
type Template = { readonly [section: string]: { readonly [name: string]: Value } };

/** Settings that stand for a parameter while the template is made. */
export const placeholders = {
  stackName: 'StackNameOfTheRelease',
  alarmEmail: 'alarm-email@release.example',
  logRetentionDays: 3653,
  allowedHostSuffixes: ['.suffixes.release.example'],
  roles: {
    path: '/path-of-the-release/',
    permissionsBoundaryArn: 'arn:aws:iam::000000000000:policy/boundary-of-the-release',
  },
  // What an account can spare is not known.
  reservedConcurrency: false,
} as const;

/** For the template with a forwarder. */
export const forwarderPlaceholders = {
  analyticsUrl: 'https://analytics.release.example',
  forwarder: { secretId: 'arn-of-the-release' },
} as const;

const ref = (Ref: string): Value => ({ Ref });

/** What replaces a placeholder within a text. */
const texts: readonly (readonly [placeholder: string, value: Value])[] = [
  [placeholders.stackName, ref('AWS::StackName')],
  [placeholders.alarmEmail, ref('AlarmEmail')],
  // In JSON the list's items are quoted.
  [
    placeholders.allowedHostSuffixes[0],
    { 'Fn::Join': ['","', { 'Fn::Split': [',', ref('AllowedHostSuffixes')] }] },
  ],
  [placeholders.roles.path, ref('RolePath')],
  [forwarderPlaceholders.analyticsUrl, ref('AnalyticsUrl')],
  [forwarderPlaceholders.forwarder.secretId, ref('AnalyticsSecretName')],
];

/**
 * A template that needs no CDK: settings are parameters, and the code is in a bucket of the operator's.
 * @param template made with `placeholders` as settings
 * @param codeKey the default of the parameter for the object with the functions' code
 */
export function withParameters(template: object, codeKey: string, forwards: boolean): Template {
  const { Resources = {}, Outputs = {}, Description } = template as Template & { Description: string };
  const resources = Object.entries(Resources).map(([id, resource]) => [id, released(resource as Resource)]);
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Description,
    Parameters: parametersOf(codeKey, forwards),
    Conditions: {
      HasAlarmEmail: not('AlarmEmail'),
      HasPermissionsBoundary: not('PermissionsBoundaryArn'),
    },
    Resources: Object.fromEntries(resources),
    Outputs: replaced(Outputs),
  } as unknown as Template;
}

interface Resource {
  readonly [key: string]: Value;
  readonly Type: string;
  readonly Properties: { readonly [name: string]: Value };
}

function released(resource: Resource): Value {
  const { Type, Properties } = resource;
  const isSubscription = Type === 'AWS::SNS::Subscription';
  const more: { [name: string]: Value } = {
    ...(Type === 'AWS::Lambda::Function' && { Code: { S3Bucket: ref('CodeBucket'), S3Key: ref('CodeKey') } }),
    ...(Type === 'AWS::IAM::Role' && {
      PermissionsBoundary: {
        'Fn::If': ['HasPermissionsBoundary', ref('PermissionsBoundaryArn'), ref('AWS::NoValue')],
      },
    }),
    ...(Type === 'AWS::Logs::LogGroup' && { RetentionInDays: ref('LogRetentionDays') }),
  };
  const { Metadata: _, DependsOn, ...rest } = resource;
  return {
    ...(replaced({ ...rest, Properties: { ...Properties, ...more } }) as Resource),
    // A function refers to its role anyway.
    ...(DependsOn !== undefined && Type !== 'AWS::Lambda::Function' && { DependsOn }),
    ...(isSubscription && { Condition: 'HasAlarmEmail' }),
  };
}

/** The value with references for placeholders. */
function replaced(value: Value): Value {
  if (typeof value === 'string') return replacedText(value);
  if (Array.isArray(value)) return value.map(replaced);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, replaced(one)]));
}

function replacedText(text: string): Value {
  for (const [placeholder, value] of texts) {
    if (text === placeholder) return value;
    const [before = '', ...after] = text.split(placeholder);
    if (after.length === 0) continue;
    const parts = [before, value, after.join(placeholder)].filter((part) => part !== '');
    return { 'Fn::Join': ['', parts.map((part) => (typeof part === 'string' ? replacedText(part) : part))] };
  }
  return text;
}

const not = (parameter: string): Value => ({ 'Fn::Not': [{ 'Fn::Equals': [ref(parameter), ''] }] });

function parametersOf(codeKey: string, forwards: boolean): { [name: string]: Value } {
  const text = (Description: string, Default?: string, AllowedPattern?: string): Value => ({
    Type: 'String',
    Description,
    ...(Default !== undefined && { Default }),
    ...(AllowedPattern && { AllowedPattern }),
  });
  return {
    CodeBucket: text('Your bucket, in the region of the stack, with the ZIP file of the functions'),
    CodeKey: text('Its key in the bucket', codeKey),
    AlarmEmail: text('Address to notify for alarms; empty: none', '', '^$|^[^@\\s]+@[^@\\s]+$'),
    LogRetentionDays: {
      Type: 'Number',
      Description: 'How long logs are kept',
      Default: 90,
      AllowedValues: [
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
        3653,
      ],
    },
    AllowedHostSuffixes: text(
      "A console's host must end in one of these, separated by commas; the token is sent to no other host",
      '.sentinelone.net',
      '^(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?){2,}(,(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?){2,})*$',
    ),
    PermissionsBoundaryArn: text('ARN of the permissions boundary of all roles; empty: none', ''),
    RolePath: text('Path of all roles', '/', '^/([A-Za-z0-9_+=,.@-]+/)*$'),
    ...(forwards && {
      AnalyticsUrl: text(
        'WitFoo Analytics address for the forwarder',
        undefined,
        '^https://[A-Za-z0-9.:/_~-]+$',
      ),
      AnalyticsSecretName: text(
        "Name of the secret with the forwarder's login, outside signal-client/sentinelone/",
        'signal-client/analytics',
      ),
    }),
  };
}
