import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { allows } from '../support/policy.ts';

const doc = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'cli.md'), 'utf8');
const policy = JSON.parse(/```json\n(\{\n {2}"Version"[\s\S]*?)```/.exec(doc)?.[1] ?? '');
const statements = policy.Statement.map(
  ({ Effect, Action, Resource }: { Effect: 'Allow'; Action: string | string[]; Resource: string }) => ({
    effect: Effect,
    actions: [Action].flat(),
    resources: [Resource],
    conditions: [],
  }),
);

/** By table, what the commands need there, as the table of permissions says. */
test.each([
  ['Ledger', ['Query', 'DeleteItem']],
  ['Cursors', ['BatchGetItem', 'Query', 'DeleteItem']],
  ['Instances', ['Scan', 'PutItem', 'UpdateItem', 'DeleteItem']],
])("docs/cli.md's sample policy lets the commands use the table %s", (table, actions) => {
  for (const action of actions)
    expect(doc).toMatch(new RegExp(`${action}\\b.*on the (\\w+ and )?${table.toLowerCase()} table`));
  const resource = `arn:aws:dynamodb:REGION:ACCOUNT:table/SentinelOneCollector-Tables${table}F9806C8B-1ABC`;
  for (const name of actions)
    expect(allows(statements, { action: `dynamodb:${name}`, resource, context: {} }), name).toBe(true);
});
