import { loadAwsServiceSpecSync } from '@aws-cdk/aws-service-spec';
import type { Template } from '../../local/aws/template.ts';

const specification = loadAwsServiceSpecSync();

function specified(type: string) {
  const [resource] = specification.lookup('resource', 'cloudFormationType', 'equals', type);
  if (resource === undefined) throw new Error(`CloudFormation knows no ${type}`);
  return resource;
}

/**
 * Attributes that are asked for with `Fn::GetAtt` or `Fn::Sub` and that the resource does not have. The CDK's own rules
 * take any property for an attribute.
 */
export function unknownAttributes(template: Template): string[] {
  const found: string[] = [];
  const check = (logicalId: string, attribute: string) => {
    const type = template.Resources[logicalId]?.Type;
    if (type === undefined || !(attribute in specified(type).attributes))
      found.push(`${logicalId}.${attribute}: ${type ?? 'no resource'} has no such attribute`);
  };
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, one] of Object.entries(value)) {
      if (key === 'Fn::GetAtt') check(String(one[0]), String(one[1]));
      if (key === 'Fn::Sub')
        for (const [, id = '', name = ''] of String(one).matchAll(/\$\{(\w+)\.([\w.]+)\}/g)) check(id, name);
      walk(one);
    }
  };
  walk(template);
  return found;
}

/** The names that resources have from the template, and that an account can give once only. */
export function ownNames(template: Template): string[] {
  const all = Object.values(template.Resources) as StatefulResource[];
  return all.flatMap(({ Type, Properties = {} }) => {
    const identifier = (specified(Type).primaryIdentifier ?? []).map((name) => Properties[name]);
    // What is named after another resource is as unique as that.
    return identifier.length > 0 && identifier.every((one) => typeof one === 'string')
      ? [identifier.join('/')]
      : [];
  });
}

/** A resource that holds what can't be made again, and what of it CloudFormation can only change by making it anew. */
export interface Kept {
  readonly type: string;
  readonly onRemoval: string;
  readonly fixed: Readonly<Record<string, unknown>>;
}

/** The specification does not count these, but their subscribers and their names outside are lost with them. */
const alsoKept = new Set(['AWS::SNS::Topic']);

/** By logical id. */
export function stateful(template: Template): Record<string, Kept> {
  const all = Object.entries(template.Resources) as [string, StatefulResource][];
  const kept = all.filter(([, { Type }]) => specified(Type).isStateful || alsoKept.has(Type));
  return Object.fromEntries(
    kept.map(([logicalId, { Type, DeletionPolicy = 'Delete', Properties = {} }]) => {
      const { properties } = specified(Type);
      const fixed = Object.entries(Properties).filter(
        ([name]) => properties[name]?.causesReplacement === 'yes',
      );
      return [logicalId, { type: Type, onRemoval: DeletionPolicy, fixed: Object.fromEntries(fixed) }];
    }),
  );
}

interface StatefulResource {
  readonly Type: string;
  readonly DeletionPolicy?: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}
