import { isDeepStrictEqual } from 'node:util';

/** The parts of a CloudFormation template that are compared. */
export interface Template {
  readonly Resources?: Readonly<Record<string, Resource>>;
}

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

interface Changes {
  /** For the operator. Resources with data are listed by name. */
  readonly lines: readonly string[];
  /** Names of resources with data that the stack would no longer use. */
  readonly abandoned: readonly string[];
}

/** Types of resources with data, with the properties whose change replaces the resource. */
const holdsData: Readonly<Record<string, readonly string[]>> = {
  'AWS::DynamoDB::Table': ['TableName', 'KeySchema'],
  'AWS::SQS::Queue': ['QueueName', 'FifoQueue'],
  'AWS::S3::Bucket': ['BucketName'],
  'AWS::Logs::LogGroup': ['LogGroupName'],
};

/**
 * Returns what a deployment changes.
 * @param before the deployed template; undefined if there is none
 * @param nameOf returns the AWS name of a deployed resource
 */
export function changesOf(
  before: Template | undefined,
  after: Template,
  nameOf: (logicalId: string) => string = (logicalId) => logicalId,
): Changes {
  const old = before?.Resources ?? {};
  const wanted = after.Resources ?? {};
  const ids = [...new Set([...Object.keys(old), ...Object.keys(wanted)])];
  const changed = ids
    .map((id) => ({ id, type: (wanted[id] ?? old[id])?.Type ?? '', how: howOf(old[id], wanted[id]) }))
    .filter(({ how }) => how !== 'unchanged');
  const isAbandoned = ({ how }: { how: How }) => how === 'removed' || how === 'replaced';
  const data = changed.filter(({ type }) => Object.hasOwn(holdsData, type));
  const kept = Object.values(old).filter(({ Type }) => Object.hasOwn(holdsData, Type)).length;
  return {
    lines: [
      `Changes: ${changed.length === 0 ? 'none' : counted(changed.map(({ how }) => how))}`,
      ...[...Map.groupBy(changed, ({ type }) => type)].map(
        ([type, all]) => `  ${type.replace('AWS::', '')}: ${counted(all.map(({ how }) => how))}`,
      ),
      ...(before === undefined
        ? []
        : [
            data.length === 0 ? `Data: all ${kept} resources that hold data stay unchanged` : 'Data:',
            ...data.map(
              ({ id, type, how }) =>
                `  ${type.replace('AWS::', '')} ${nameOf(id)}: ${how}${detail(old[id], wanted[id])}`,
            ),
          ]),
    ],
    // The records in a log group are a copy; other data cannot be recreated.
    abandoned: data
      .filter((one) => isAbandoned(one) && one.type !== 'AWS::Logs::LogGroup')
      .map(({ id }) => nameOf(id)),
  };
}

type How = 'added' | 'removed' | 'replaced' | 'changed' | 'unchanged';

function howOf(old: Resource | undefined, wanted: Resource | undefined): How {
  if (old === undefined) return 'added';
  if (wanted === undefined) return 'removed';
  const fixed = holdsData[old.Type] ?? [];
  const differs = (name: string) => !isDeepStrictEqual(old.Properties?.[name], wanted.Properties?.[name]);
  if (old.Type !== wanted.Type || fixed.some(differs)) return 'replaced';
  return isDeepStrictEqual(old.Properties, wanted.Properties) ? 'unchanged' : 'changed';
}

function detail(old: Resource | undefined, wanted: Resource | undefined): string {
  if (old === undefined || wanted === undefined) return '';
  const names = Object.keys({ ...old.Properties, ...wanted.Properties });
  const differing = names.filter(
    (name) => !isDeepStrictEqual(old.Properties?.[name], wanted.Properties?.[name]),
  );
  return ` (${differing.join(', ')})`;
}

function counted(hows: readonly How[]): string {
  return [...Map.groupBy(hows, (how) => how)].map(([how, all]) => `${all.length} ${how}`).join(', ');
}
