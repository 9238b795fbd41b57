/** The parts of a synthesised CloudFormation template that the stand-ins read. */
export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>>;
}

interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}

/** Returns the resources of one type, each with its logical id. */
export function resources<T>(template: Template, type: string): (T & { readonly logicalId: string })[] {
  return Object.entries(template.Resources)
    .filter(([, { Type }]) => Type === type)
    .map(([logicalId, { Properties }]) => ({ ...(Properties as T), logicalId }));
}

/** The local names of resources, by logical id. */
export interface Known {
  /** `Ref`: the name of a table or bucket, or the URL of a queue. */
  readonly names: ReadonlyMap<string, string>;
  /** `Fn::GetAtt` of `Arn`, for queues. */
  readonly arns: ReadonlyMap<string, string>;
}

/** Resolves `Ref`, `Fn::GetAtt` and `Fn::Join`. Throws for a resource without a stand-in. */
export function resolve(value: unknown, known: Known): string {
  if (typeof value === 'string') return value;
  const {
    Ref: ref = '',
    'Fn::GetAtt': [id = '', attribute] = [],
    'Fn::Join': join,
  } = value as {
    Ref?: string;
    'Fn::GetAtt'?: [id: string, attribute: string];
    'Fn::Join'?: [separator: string, parts: unknown[]];
  };
  if (join !== undefined) return join[1].map((part) => resolve(part, known)).join(join[0]);
  const found = attribute === 'Arn' ? known.arns.get(id) : known.names.get(ref);
  if (found === undefined) throw new Error(`nothing here stands in for ${JSON.stringify(value)}`);
  return found;
}
