import { resources, type Template } from '../../local/aws/template.ts';
import type { Statement } from './policy.ts';

/** Where the stand-ins are: what the pseudo parameters of a template stand for. */
const pseudo: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::Region': 'us-east-1',
  'AWS::AccountId': '000000000000',
  'AWS::URLSuffix': 'amazonaws.com',
};

/** The ARN of something in the account and region of the stand-ins. */
export const arn = (service: string, rest: string) => `arn:aws:${service}:us-east-1:000000000000:${rest}`;

// biome-ignore lint/suspicious/noExplicitAny: a template's properties are what CloudFormation makes of them.
type Properties = Readonly<Record<string, any>>;

interface Kind {
  /** What it is called in the stand-ins. */
  readonly name: (logicalId: string, properties: Properties) => string;
  readonly arn: (name: string) => string;
  /** `Ref` is its name unless said otherwise. */
  readonly refIsArn?: true;
}

const byId = (logicalId: string) => logicalId;

/** Every kind of resource that a policy may name. */
const kinds: Readonly<Record<string, Kind>> = {
  'AWS::DynamoDB::Table': { name: byId, arn: (name) => arn('dynamodb', `table/${name}`) },
  'AWS::SQS::Queue': { name: byId, arn: (name) => arn('sqs', name) },
  'AWS::SNS::Topic': { name: byId, arn: (name) => arn('sns', name), refIsArn: true },
  'AWS::S3::Bucket': { name: (id) => id.toLowerCase(), arn: (name) => `arn:aws:s3:::${name}` },
  'AWS::KMS::Key': { name: byId, arn: (name) => arn('kms', `key/${name}`) },
  'AWS::Events::Rule': { name: byId, arn: (name) => arn('events', `rule/${name}`) },
  'AWS::CloudWatch::Alarm': {
    name: (id, { AlarmName = id }) => AlarmName,
    arn: (name) => arn('cloudwatch', `alarm:${name}`),
  },
  'AWS::Lambda::Function': {
    name: (id, { FunctionName = id }) => FunctionName,
    arn: (name) => arn('lambda', `function:${name}`),
  },
  'AWS::Logs::LogGroup': {
    name: (id, { LogGroupName = id }) => LogGroupName,
    arn: (name) => arn('logs', `log-group:${name}:*`),
  },
};

/** Where each kind of resource says which key of the operator's own it is encrypted with. */
const encryptedWith: Readonly<Record<string, (properties: Properties) => unknown>> = {
  'AWS::DynamoDB::Table': ({ SSESpecification }) => SSESpecification?.KMSMasterKeyId,
  'AWS::SQS::Queue': ({ KmsMasterKeyId }) => KmsMasterKeyId,
  'AWS::S3::Bucket': ({ BucketEncryption }) =>
    BucketEncryption?.ServerSideEncryptionConfiguration[0].ServerSideEncryptionByDefault.KMSMasterKeyID,
};

/** A template as deployed in the account of the stand-ins. */
export interface Account {
  readonly template: Template;
  /** A value with all of CloudFormation's functions worked out. */
  text(value: unknown): string;
  /** Its own name, such as `SentinelOneCollector-threats`. */
  nameOf(logicalId: string): string;
  /** By name: what its role may do. */
  readonly roles: ReadonlyMap<string, readonly Statement[]>;
  /** The operator's own key that something is encrypted with, by its ARN or that of what is in it. */
  keyOf(arn: string): string | undefined;
  /** What the policies of queues, buckets and topics say. */
  readonly resourcePolicies: readonly Statement[];
}

export function account(template: Template): Account {
  const resource = (logicalId: string) => {
    const { Type, Properties = {} } = template.Resources[logicalId] ?? {};
    const kind = kinds[Type ?? ''];
    if (kind === undefined) throw new Error(`nothing here says what ${logicalId}, a ${Type}, is called`);
    const name = kind.name(logicalId, Properties);
    return { name, arn: kind.arn(name), ref: kind.refIsArn ? kind.arn(name) : name };
  };
  const attribute = ([logicalId, name]: readonly [string, string]) => {
    if (name === 'Arn' || name === 'TopicArn') return resource(logicalId).arn;
    if (name === 'QueueName') return resource(logicalId).name;
    throw new Error(`nothing here says what ${name} of ${logicalId} is`);
  };
  const text = (value: unknown): string => {
    if (typeof value !== 'object' || value === null) return String(value);
    const [[name, of] = ['nothing', undefined]] = Object.entries(value);
    if (name === 'Ref') return pseudo[of] ?? resource(of).ref;
    if (name === 'Fn::GetAtt') return attribute(of);
    if (name === 'Fn::Join') return of[1].map(text).join(of[0]);
    if (name === 'Fn::Sub')
      return of.replace(/\$\{([\w:]+)(?:\.(\w+))?\}/g, (_: string, id: string, att?: string) =>
        att === undefined ? (pseudo[id] ?? resource(id).ref) : attribute([id, att]),
      );
    throw new Error(`nothing here works out ${name}`);
  };

  const statements = (document: Properties): Statement[] =>
    list(document.Statement).map((statement) => {
      const unknown = Object.keys(statement).find((key) => !known.has(key));
      if (unknown !== undefined) throw new Error(`nothing here knows ${unknown} in a statement`);
      return {
        effect: statement.Effect,
        actions: list(statement.Action),
        resources: list(statement.Resource).map(text),
        conditions: Object.entries<Properties>(statement.Condition ?? {}).flatMap(([operator, tests]) =>
          Object.entries(tests).map(([key, values]) => ({ operator, key, values: list(values).map(text) })),
        ),
      };
    });

  const all = Object.entries(template.Resources) as [string, { Type: string; Properties: Properties }][];
  const of = (...types: string[]) => all.filter(([, { Type }]) => types.includes(Type));
  const roleStatements = (roleId: string) => {
    const { Policies = [], ManagedPolicyArns = [] } = Object(template.Resources[roleId]?.Properties);
    if (ManagedPolicyArns.length > 0)
      throw new Error(`nothing here knows what ${roleId}'s managed policies say`);
    const attached = of('AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy').filter(([, { Properties }]) =>
      list(Properties.Roles).some((role) => role.Ref === roleId),
    );
    return [
      ...Policies.flatMap(({ PolicyDocument }: Properties) => statements(PolicyDocument)),
      ...attached.flatMap(([, { Properties }]) => statements(Properties.PolicyDocument)),
    ];
  };
  const keys = new Map(
    all.flatMap(([logicalId, { Type, Properties }]) => {
      const key = encryptedWith[Type]?.(Properties);
      return key === undefined ? [] : [[resource(logicalId).arn, text(key)] as const];
    }),
  );
  return {
    template,
    text,
    keyOf: (arn) => keys.get(arn.replace(/^(arn:aws:s3:::[^/]+)\/.*/, '$1')),
    nameOf: (logicalId) => resource(logicalId).name,
    roles: new Map(
      of('AWS::Lambda::Function').map(([logicalId, { Properties }]) => [
        resource(logicalId).name,
        roleStatements(Properties.Role['Fn::GetAtt'][0]),
      ]),
    ),
    resourcePolicies: of('AWS::SQS::QueuePolicy', 'AWS::S3::BucketPolicy', 'AWS::SNS::TopicPolicy').flatMap(
      ([, { Properties }]) => statements(Properties.PolicyDocument),
    ),
  };
}

const known = new Set(['Sid', 'Effect', 'Action', 'Resource', 'Condition', 'Principal']);

// biome-ignore lint/suspicious/noExplicitAny: a policy's elements are one or many.
function list(value: any): any[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

/**
 * What to tell functions so that they find the queues at another endpoint: the SDK goes where a queue's URL points,
 * whatever its own endpoint is.
 */
export function queueUrls(template: Template, endpoint: string) {
  const queues = resources<{ RedrivePolicy?: object }>(template, 'AWS::SQS::Queue');
  const urlOf = (isDead: boolean) => {
    const queue = queues.find(({ RedrivePolicy }) => (RedrivePolicy === undefined) === isDead);
    return `${endpoint}/000000000000/${queue?.logicalId}`;
  };
  return { artifactQueueUrl: urlOf(false), deadLetterQueueUrl: urlOf(true) };
}
