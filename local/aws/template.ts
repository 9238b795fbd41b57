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

/** What `Ref` and `Fn::GetAtt` stand for here; throws for a resource that has no stand-in. */
export function resolve(value: unknown, names: ReadonlyMap<string, string>): string {
  if (typeof value === 'string') return value;
  const { Ref: ref } = value as { Ref?: string };
  const name = ref === undefined ? undefined : names.get(ref);
  if (name === undefined) throw new Error(`nothing here stands in for ${JSON.stringify(value)}`);
  return name;
}
