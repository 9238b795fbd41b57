import type { InstanceRecord } from '../functions/adapters/dynamodb/instances.ts';
import { MisconfiguredError } from '../functions/errors.ts';
import type { CursorStatus } from '../functions/health/known-status.ts';
import type { HealthRules } from '../functions/health/rules.ts';
import {
  defaultSecretId,
  type Instance,
  type InstanceRules,
  readInstance,
  scopeOf,
} from '../functions/instances/instance.ts';
import type { CursorKey } from '../functions/instances/ports.ts';
import { partsOf } from '../functions/instances/shared-secret.ts';
import { defaultStreams, deployedStreams, streams } from '../functions/streams/list.ts';
import { CommandError } from './errors.ts';
import { optionOf } from './options.ts';
import type { Stack } from './stack.ts';

export type { InstanceRecord };

/** The part of a stack that decides whether a record is valid. */
type Rules = { readonly rules: Pick<HealthRules, 'allowedHostSuffixes' | 'optionalStreams'> };

const defaultNames = defaultStreams.map(({ name }) => name);

/** The rules by which the functions of the stack read a record. */
export function instanceRules({ rules }: Rules): InstanceRules {
  const { allowedHostSuffixes, optionalStreams = [] } = rules;
  return { allowedHostSuffixes, streams: deployedStreams(streams, optionalStreams).map(({ name }) => name) };
}

/** Returns the record with its defaults. Throws CommandError that names the invalid attribute. */
export function readRecord(stack: Rules, record: InstanceRecord): Instance {
  try {
    return readInstance(record, instanceRules(stack));
  } catch (error) {
    if (!(error instanceof MisconfiguredError)) throw error;
    throw new CommandError(`${record.instance}: ${error.message}`, error.remedy);
  }
}

/** As `readRecord`, for a record of command-line options: the error names the option. */
export function readTyped(stack: Rules, record: InstanceRecord): Instance {
  try {
    return readInstance(record, instanceRules(stack));
  } catch (error) {
    if (!(error instanceof MisconfiguredError)) throw error;
    const option = optionOf(error.attribute) ?? error.attribute;
    const problem = error.message.slice(`${error.attribute}: `.length);
    throw new CommandError(`${option} ${problem}`, `Correct ${option}, then run this again.`);
  }
}

/** Returns all records, sorted by name. */
export async function listRecords({ instances }: Stack): Promise<InstanceRecord[]> {
  return (await instances.list()).sort((a, b) => (a.instance < b.instance ? -1 : 1));
}

/** Throws CommandError if there is no record with that name. */
export function recordOf(records: readonly InstanceRecord[], name: string): InstanceRecord {
  const found = records.find(({ instance }) => instance === name);
  if (found !== undefined) return found;
  const near = records
    .map(({ instance }) => instance)
    .filter((one) => one.includes(name) || name.includes(one));
  throw new CommandError(
    `there is no instance ${name}`,
    near.length > 0
      ? `Did you mean ${near.slice(0, 3).join(' or ')}?`
      : 'To see all instances, run: collector list',
  );
}

/** Writes a new record. Throws CommandError if the name is taken. */
export async function createRecord({ instances }: Stack, record: InstanceRecord): Promise<void> {
  if (!(await instances.create(record))) throw taken(record.instance);
}

export function taken(name: string): CommandError {
  return new CommandError(
    `the name ${name} is taken`,
    `Choose another name, or change that instance: collector set ${name} or collector rotate ${name}`,
  );
}

/** Sets and removes attributes of a record; the others stay unchanged. */
export async function changeRecord(
  { instances }: Stack,
  name: string,
  changes: Readonly<Record<string, unknown>>,
): Promise<void> {
  if (!(await instances.change(name, changes))) throw recordOf([], name);
}

/** Deletes all cursor items of an instance. Returns how many. */
export async function deleteCursors({ cursors }: Stack, instance: string): Promise<number> {
  const keys = await cursors.keysOf(instance);
  for (const stream of keys) await cursors.delete({ instance, stream });
  return keys.length;
}

/** Describes what is left of an earlier instance of that name. */
export async function resumption({ cursors }: Stack, instance: Instance): Promise<string[]> {
  const left = (await cursors.scopesOf(instance.instance)).filter(({ scope }) => scope !== undefined);
  const [first] = left.map(({ firstSeenAt }) => firstSeenAt).sort();
  if (first === undefined) return [];
  if (left.every(({ scope }) => scope === scopeOf(instance)))
    return ['It was collected before and resumes from the same position.'];
  return [
    `It was collected before from another host or with other filters, so it starts again: ${instance.lookbackHours} h before ${first.slice(0, 19)}Z, when that name was first polled.`,
  ];
}

/** Returns the status at each of these keys, by `instance stream`. */
export async function readStatus(
  { cursors }: Pick<Stack, 'cursors'>,
  keys: readonly CursorKey[],
): Promise<Map<string, CursorStatus>> {
  const items = await cursors.status(keys);
  return new Map(
    items.map(({ instance, stream, firstSeenAt, ...status }) => [
      `${instance} ${stream}`,
      { firstSeenAt, status },
    ]),
  );
}

/** Other instances that use a secret, including disabled and invalid ones. */
export function othersWith(
  secretId: string,
  name: string,
  records: readonly InstanceRecord[],
): InstanceRecord[] {
  return records.filter((record) => record.instance !== name && isSameSecret(secretIdOf(record), secretId));
}

/** Works for an invalid record too. */
export function secretIdOf({ instance, secretId }: InstanceRecord): string {
  return String(secretId ?? defaultSecretId(instance));
}

/** A secret can be named by its name, its ARN, or its ARN without the six characters that AWS appends. */
function isSameSecret(one: string, other: string): boolean {
  const [{ name: a, key }, { name: b, key: otherKey }] = [partsOf(one), partsOf(other)];
  // A whole secret includes all its keys.
  if (key !== undefined && otherKey !== undefined && key !== otherKey) return false;
  const isElsewhere = [a, b].every(isArn) && accountOf(a) !== accountOf(b);
  return !isElsewhere && namesOf(a).some((name) => namesOf(b).includes(name));
}

const isArn = (secretId: string) => secretId.startsWith('arn:');
const accountOf = (arn: string) => arn.split(':').slice(0, 6).join(':');

function namesOf(secretId: string): string[] {
  if (!isArn(secretId)) return [secretId];
  const name = secretId.split(':').slice(6).join(':');
  return [name, name.replace(/-[A-Za-z0-9]{6}$/, '')];
}

/** The names of the other instances that use the secret. Throws CommandError if one of them has another host. */
export function sharersOf(stack: Rules, instance: Instance, records: readonly InstanceRecord[]): string[] {
  const { host, secretId } = instance;
  const others = othersWith(secretId, instance.instance, records);
  const elsewhere = others.find((other) => hostOf(stack, other) !== host);
  if (elsewhere === undefined) return others.map((other) => other.instance);
  throw new CommandError(
    `the secret ${secretId} is also used by ${elsewhere.instance}, which has another host`,
    `A token belongs to one host. Give it a secret of its own: collector set ${instance.instance} --secret-id ${defaultSecretId(instance.instance)}`,
  );
}

/** Describes the owner of a secret that is not the record's own, and whether it has another host. */
export function ownerOf(
  stack: Rules,
  record: InstanceRecord,
  others: readonly InstanceRecord[],
): [whose: string, isForeign: boolean] {
  if (record.secretId === undefined) return ['', false];
  const secretId = secretIdOf(record);
  const [owner] = othersWith(secretId, record.instance, others);
  if (owner === undefined) return [`secret ${secretId}`, false];
  const isForeign = hostOf(stack, owner) !== hostOf(stack, record);
  return [
    `the secret ${secretId} is that of ${owner.instance} (${owner.host})${isForeign ? ', whose token is not sent to another host' : ''}`,
    isForeign,
  ];
}

/** Returns the bare host of a record, or undefined if the record is invalid. */
export function hostOf(stack: Rules, record: InstanceRecord): string | undefined {
  try {
    return readInstance(record, instanceRules(stack)).host;
  } catch {
    return undefined;
  }
}

const filters = ['accountIds', 'siteIds', 'groupIds'] as const;

/** Finds an instance of the same console whose filters overlap, so that both would collect the same records. */
export function overlapping(
  stack: Rules,
  record: InstanceRecord,
  records: readonly InstanceRecord[],
): InstanceRecord | undefined {
  const mine = readRecord(stack, record);
  return records.find((other) => {
    // Compares hosts first, because reading a whole record takes longer.
    const isOther = !String(other.host).toLowerCase().includes(mine.host);
    if (other.instance === record.instance || isOther) return false;
    let theirs: Instance;
    try {
      theirs = readInstance(other, instanceRules(stack));
    } catch {
      // Nothing is collected for an invalid record.
      return false;
    }
    const collects = (instance: Instance) => instance.streams ?? defaultNames;
    return (
      theirs.host === mine.host &&
      collects(theirs).some((stream) => collects(mine).includes(stream)) &&
      filters.every((filter) => {
        const [a, b] = [mine[filter], theirs[filter]];
        return a.length === 0 || b.length === 0 || a.some((id) => b.includes(id));
      })
    );
  });
}

/** Throws CommandError if another instance collects the same records. */
export function refuseOverlap(
  stack: Rules,
  record: InstanceRecord,
  records: readonly InstanceRecord[],
): void {
  const other = overlapping(stack, record, records);
  if (other === undefined) return;
  throw new CommandError(
    `the scope overlaps with ${other.instance}, which collects ${readRecord(stack, record).host}`,
    'Records would be collected twice. Narrow one of them (--accounts, --sites, --groups, --streams), or use --another-scope if the tokens have different scopes.',
  );
}
