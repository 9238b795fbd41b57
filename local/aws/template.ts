/** A CloudFormation template as synthesised, as far as the stand-ins read it. */
export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>>;
}

interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}

/** Resources of one type, each with its logical id. */
export function resources<T>(template: Template, type: string): (T & { readonly logicalId: string })[] {
  return Object.entries(template.Resources)
    .filter(([, { Type }]) => Type === type)
    .map(([logicalId, { Properties }]) => ({ ...(Properties as T), logicalId }));
}

/** What resources are called here, by logical id. */
export interface Known {
  /** `Ref`: a table's or bucket's name, a queue's URL. */
  readonly names: ReadonlyMap<string, string>;
  /** `Fn::GetAtt` of `Arn`: a queue's. */
  readonly arns: ReadonlyMap<string, string>;
}

/** What `Ref`, `Fn::GetAtt` and `Fn::Join` stand for here; throws for a resource that has no stand-in. */
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
