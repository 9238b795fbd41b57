/** An IAM policy's statement, its resources and condition values resolved to text. */
export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions: readonly Condition[];
}

interface Condition {
  /** Such as `ForAllValues:StringEquals`. */
  readonly operator: string;
  /** Such as `dynamodb:LeadingKeys`. */
  readonly key: string;
  readonly values: readonly string[];
}

/** One thing that somebody wants to do. */
export interface Ask {
  readonly action: string;
  /** `*` where the action knows no resource. */
  readonly resource: string;
  /** Condition keys with their values; an empty list where the key is known, but absent from this request. */
  readonly context: Readonly<Record<string, readonly string[]>>;
}

/** As IAM decides: an explicit denial wins, and what nobody allows is denied. */
export function allows(statements: readonly Statement[], ask: Ask): boolean {
  const fitting = statements.filter((statement) => fits(statement, ask));
  return fitting.some(({ effect }) => effect === 'Allow') && !fitting.some(({ effect }) => effect === 'Deny');
}

/** Whether a resource's own policy denies it; what such a policy allows plays no part within one account. */
export function denies(statements: readonly Statement[], ask: Ask): boolean {
  return statements.some((statement) => statement.effect === 'Deny' && fits(statement, ask));
}

function fits({ actions, resources, conditions }: Statement, ask: Ask): boolean {
  return (
    // Actions are the one thing in a policy whose case does not matter.
    actions.some((action) => like(action.toLowerCase(), ask.action.toLowerCase())) &&
    resources.some((resource) => like(resource, ask.resource)) &&
    conditions.every((condition) => holds(condition, ask))
  );
}

/** Whether a text is what a pattern with `*` and `?` says. */
function like(pattern: string, text: string): boolean {
  const literal = pattern.replace(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(text);
}

type Compare = (wanted: string, found: string) => boolean;

const equal: Compare = (wanted, found) => wanted === found;
const below: Compare = (wanted, found) => Number(found) < Number(wanted);

const operators: Readonly<Record<string, { readonly compare: Compare; readonly negated?: true }>> = {
  StringEquals: { compare: equal },
  StringNotEquals: { compare: equal, negated: true },
  StringLike: { compare: like },
  StringNotLike: { compare: like, negated: true },
  ArnEquals: { compare: like },
  ArnLike: { compare: like },
  Bool: { compare: equal },
  NumericLessThan: { compare: below },
};

function holds({ operator, key, values }: Condition, { action, context }: Ask): boolean {
  const found = context[key];
  // A key that nobody thought of would decide by being absent.
  if (found === undefined) throw new Error(`nothing here knows the condition key ${key} of ${action}`);
  const [, set = '', name = '', ifExists] =
    /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(operator) ?? [];
  const { compare, negated = false } = operators[name] ?? unknown(operator);
  if (found.length === 0) return set === 'ForAllValues' || ifExists !== undefined || (negated && set === '');
  const matches = (one: string) => values.some((wanted) => compare(wanted, one)) !== negated;
  return set === 'ForAnyValue' ? found.some(matches) : found.every(matches);
}

function unknown(operator: string): never {
  throw new Error(`nothing here knows the condition operator ${operator}`);
}
