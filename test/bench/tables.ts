import { isDeepStrictEqual } from 'node:util';

/** A value as DynamoDB's protocol writes it. */
type Value =
  | { readonly S: string }
  | { readonly N: string }
  | { readonly B: string }
  | { readonly BOOL: boolean }
  | { readonly NULL: true }
  | { readonly L: readonly Value[] }
  | { readonly M: Item };

export interface Item {
  [name: string]: Value;
}

/** What a call did, in the units that DynamoDB bills. */
interface Done {
  readonly answer: unknown;
  /** Its condition did not hold. */
  readonly refused: boolean;
  readonly writeUnits: number;
  readonly readUnits: number;
  readonly largestItem: number;
}

/** Tables in memory, as far as the collector's calls go: a stand-in that is never what a benchmark waits for. */
export interface Tables {
  put(table: string, item: Item): void;
  call(operation: string, input: never): Done;
}

interface Update {
  readonly TableName: string;
  readonly Key: Item;
  readonly UpdateExpression: string;
  readonly ConditionExpression?: string;
  readonly ExpressionAttributeNames?: { readonly [name: string]: string };
  readonly ExpressionAttributeValues?: Item;
}

interface Batch {
  readonly RequestItems: {
    readonly [table: string]: { readonly Keys: readonly Item[]; readonly ConsistentRead?: boolean };
  };
}

interface Scan {
  readonly TableName: string;
  readonly ConsistentRead?: boolean;
  readonly ExclusiveStartKey?: Item;
  readonly Limit?: number;
}

/** What one page of a scan has. */
const pageBytes = 1024 * 1024;

const bytesOf = (item: Item): number =>
  Object.entries(item).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + valueBytes(value), 0);

/** As DynamoDB's developer guide counts them. */
function valueBytes(value: Value): number {
  if ('S' in value) return Buffer.byteLength(value.S);
  if ('N' in value) return Math.ceil(value.N.length / 2) + 1;
  if ('B' in value) return Math.floor((value.B.length * 3) / 4);
  if ('L' in value) return 3 + value.L.reduce((sum, one) => sum + 1 + valueBytes(one), 0);
  if ('M' in value) return 3 + Object.keys(value.M).length + bytesOf(value.M);
  return 1;
}

const written = (bytes: number) => Math.max(1, Math.ceil(bytes / 1024));
const read = (bytes: number, consistent = false) =>
  (Math.max(1, Math.ceil(bytes / 4096)) * (consistent ? 2 : 1)) / 2;

export function createTables(): Tables {
  const tables = new Map<string, Map<string, Item>>();
  const tableOf = (name: string) => {
    const table = tables.get(name) ?? new Map<string, Item>();
    tables.set(name, table);
    return table;
  };
  const keyOf = ({ instance, stream }: Item) => JSON.stringify([instance, stream]);
  const put = (table: string, item: Item) => tableOf(table).set(keyOf(item), item);
  const done = (more: Partial<Done>): Done => ({
    answer: {},
    refused: false,
    writeUnits: 0,
    readUnits: 0,
    largestItem: 0,
    ...more,
  });

  const update = (input: Update): Done => {
    const table = tableOf(input.TableName);
    const key = keyOf(input.Key);
    const before = table.get(key);
    const size = before === undefined ? 0 : bytesOf(before);
    if (!holds(input, before)) return done({ refused: true, writeUnits: written(size) });
    const after = changed(input, before);
    table.set(key, after);
    const bytes = bytesOf(after);
    return done({
      answer: { Attributes: after },
      writeUnits: written(Math.max(size, bytes)),
      largestItem: bytes,
    });
  };

  const operations: { readonly [operation: string]: (input: never) => Done } = {
    Scan({ TableName, ConsistentRead, ExclusiveStartKey, Limit = Number.POSITIVE_INFINITY }: Scan) {
      const all = tableOf(TableName).values();
      if (ExclusiveStartKey !== undefined) all.find((item) => keyOf(item) === keyOf(ExclusiveStartKey));
      const Items: Item[] = [];
      let bytes = 0;
      for (const item of all) {
        Items.push(item);
        bytes += bytesOf(item);
        if (bytes >= pageBytes || Items.length >= Limit) break;
      }
      const { instance, stream } = Items.at(-1) ?? {};
      const last = { ...(instance && { instance }), ...(stream && { stream }) };
      const LastEvaluatedKey = bytes >= pageBytes || Items.length >= Limit ? last : undefined;
      return done({ answer: { Items, LastEvaluatedKey }, readUnits: read(bytes, ConsistentRead) });
    },
    BatchGetItem({ RequestItems }: Batch) {
      let readUnits = 0;
      const found = Object.entries(RequestItems).map(([name, { Keys, ConsistentRead }]) => {
        const items = Keys.map((key) => tableOf(name).get(keyOf(key)));
        for (const item of items) readUnits += read(item === undefined ? 0 : bytesOf(item), ConsistentRead);
        return [name, items.filter((item) => item !== undefined)];
      });
      return done({ answer: { Responses: Object.fromEntries(found), UnprocessedKeys: {} }, readUnits });
    },
    GetItem({ TableName, Key, ConsistentRead }: { TableName: string; Key: Item; ConsistentRead?: boolean }) {
      const Item = tableOf(TableName).get(keyOf(Key));
      return done({ answer: { Item }, readUnits: read(Item ? bytesOf(Item) : 0, ConsistentRead) });
    },
    PutItem({ TableName, Item: item }: { TableName: string; Item: Item }) {
      const bytes = bytesOf(item);
      put(TableName, item);
      return done({ writeUnits: written(bytes), largestItem: bytes });
    },
    UpdateItem: update,
  };

  return {
    put,
    call(operation, input) {
      const known = operations[operation];
      if (known === undefined) throw new Error(`no ${operation} here`);
      return known(input);
    },
  };
}

const nameIn = ({ ExpressionAttributeNames = {} }: Update, written: string) =>
  ExpressionAttributeNames[written] ?? written;
const valueIn = ({ ExpressionAttributeValues = {} }: Update, written: string): Value => {
  const value = ExpressionAttributeValues[written];
  if (value === undefined) throw new Error(`${written} has no value`);
  return value;
};

/** Terms joined by OR and AND, of which AND binds closer; brackets around terms that OR joins. */
function holds(input: Update, item: Item | undefined): boolean {
  const text = input.ConditionExpression;
  if (text === undefined) return true;
  return text.split(' AND ').every((part) =>
    part
      .replace(/^\((.*)\)$/, '$1')
      .split(' OR ')
      .some((term) => termHolds(term, input, item)),
  );
}

function termHolds(term: string, input: Update, item: Item | undefined): boolean {
  const absent = /^attribute_not_exists\((.+)\)$/.exec(term);
  if (absent?.[1] !== undefined) return item?.[nameIn(input, absent[1])] === undefined;
  const [left = '', operator, right = ''] = term.split(' ');
  const [here, there] = [item?.[nameIn(input, left)], valueIn(input, right)];
  if (operator === '=') return isDeepStrictEqual(here, there);
  if (operator === '<' && here !== undefined && 'N' in here && 'N' in there)
    return Number(here.N) < Number(there.N);
  if (operator === '<') return false;
  throw new Error(`no ${operator} here`);
}

function changed(input: Update, before: Item | undefined): Item {
  const after: Item = { ...input.Key, ...before };
  const [, set = '', remove = ''] =
    /^(?:SET (.*?))?\s*(?:REMOVE (.*))?$/.exec(input.UpdateExpression.trim()) ?? [];
  for (const assignment of set === '' ? [] : set.split(/, (?![^(]*\))/)) {
    const [left = '', right = ''] = assignment.split(' = ');
    const name = nameIn(input, left);
    const fallback = /^if_not_exists\((.+), (.+)\)$/.exec(right);
    if (fallback === null) after[name] = valueIn(input, right);
    else after[name] ??= valueIn(input, fallback[2] ?? '');
  }
  for (const name of remove === '' ? [] : remove.split(', ')) delete after[nameIn(input, name)];
  return after;
}
