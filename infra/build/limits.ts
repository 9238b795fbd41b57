import { readFileSync } from 'node:fs';
import type { IPolicyValidationContext, IPolicyValidationPlugin } from 'aws-cdk-lib';

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs?: Readonly<Record<string, { readonly Description?: string }>>;
}

interface Excess {
  readonly logicalId: string;
  readonly location: string;
  readonly says: string;
}

/**
 * What a reference comes to at most. The longest is a queue's URL: 60 characters before its name, and in a name 40 of
 * the stack's, 40 of the logical id and 14 that CloudFormation adds.
 */
const referenceLength = 160;

/** The most that a value can come to when CloudFormation has worked it out. */
function longest(value: unknown): number {
  if (typeof value !== 'object' || value === null) return Buffer.byteLength(String(value));
  const [[name, of] = ['', undefined]] = Object.entries(value);
  if (name === 'Ref' || name === 'Fn::GetAtt') return referenceLength;
  if (name === 'Fn::Join' && Array.isArray(of)) {
    const [separator, parts] = of as [string, unknown[]];
    return parts.reduce<number>((sum, part) => sum + longest(part) + separator.length, 0);
  }
  const inside: number[] = Object.entries(value).map(
    ([key, one]) => (Array.isArray(value) ? 0 : key.length + '"":'.length) + longest(one) + '"",'.length,
  );
  return inside.reduce((sum, length) => sum + length, '{}'.length);
}

/** What AWS refuses when it is deployed, and the CDK's own rules let pass. */
function excesses({ Resources, Outputs = {} }: Template, templateBytes: number): Excess[] {
  const found: Excess[] = [];
  const check = (logicalId: string, location: string, what: string, size: number, most: number) => {
    if (size <= most) return;
    found.push({ logicalId, location, says: `${what} of up to ${size} bytes; AWS takes ${most}` });
  };
  const [first = ''] = Object.keys(Resources);
  check(first, '', 'the template is one', templateBytes, 1_000_000);
  for (const [id, { Type, Properties = {} }] of Object.entries(Resources)) {
    if (Type === 'AWS::Lambda::Function') {
      const { Variables = {} } = Object(Properties.Environment) as { Variables?: object };
      const size = Object.entries(Variables).reduce((sum, [key, one]) => sum + key.length + longest(one), 0);
      check(id, 'Properties/Environment', 'its environment is one', size, 4096);
    }
    if (Type === 'AWS::IAM::Role') {
      const policies = (Properties.Policies ?? []) as { PolicyDocument: unknown }[];
      const size = policies.reduce((sum, { PolicyDocument }) => sum + longest(PolicyDocument), 0);
      check(id, 'Properties/Policies', 'its policies are some', size, 10_240);
    }
  }
  for (const [name, { Description = '' }] of Object.entries(Outputs))
    check(first, '', `the description of the output ${name} is one`, Buffer.byteLength(Description), 1024);
  return found;
}

/** Fails a synthesis that AWS would refuse to deploy for its sizes. */
export class Limits implements IPolicyValidationPlugin {
  readonly name = 'Limits';

  validate({ templatePaths }: IPolicyValidationContext) {
    const violations = templatePaths.flatMap((templatePath) => {
      const text = readFileSync(templatePath, 'utf8');
      return excesses(JSON.parse(text), Buffer.byteLength(text)).map(({ logicalId, location, says }) => ({
        ruleName: 'Size',
        description: says,
        severity: 'error',
        violatingResources: [{ resourceLogicalId: logicalId, locations: [location], templatePath }],
      }));
    });
    return { success: violations.length === 0, violations };
  }
}
