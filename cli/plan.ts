import { cellOf } from './instance-file.ts';
import { hostOf, type InstanceRecord, overlapping, ownerOf, readRecord } from './records.ts';
import type { Stack } from './stack.ts';

/** The plan of an import for one record of its file. */
export interface Planned {
  readonly what: 'add' | 'change' | 'same' | 'wrong';
  readonly record: InstanceRecord;
  readonly why: string;
  readonly changes: Readonly<Record<string, unknown>>;
}

/** Compares the records of a file with those of the stack. An attribute that is not in the file stays unchanged. */
export function planOf(
  stack: Stack,
  given: readonly InstanceRecord[],
  known: readonly InstanceRecord[],
): Planned[] {
  return given.map((record, i) => {
    const wrongly = (why: string): Planned => ({ what: 'wrong', record, why, changes: {} });
    if (given.findIndex(({ instance }) => instance === record.instance) !== i)
      return wrongly('duplicate name');
    const before = known.find(({ instance }) => instance === record.instance);
    try {
      readRecord(stack, { ...before, ...record });
    } catch (error) {
      return wrongly((error as Error).message);
    }
    const merged = { ...before, ...record };
    const [whose, isForeign] = ownerOf(stack, merged, [...known, ...given]);
    const moved =
      before === undefined || hostOf(stack, before) === hostOf(stack, merged)
        ? ''
        : `its token is not sent to the new host: use collector set ${record.instance} --host instead`;
    if (isForeign && JSON.stringify(before) !== JSON.stringify(merged)) return wrongly(whose);
    if (before === undefined) {
      const other = overlapping(stack, record, [
        ...known,
        ...given.slice(0, i).filter((one) => hostOf(stack, one) !== undefined),
      ]);
      const why =
        other === undefined
          ? ''
          : `overlaps with ${other.instance}: check that the tokens have different scopes`;
      return {
        what: 'add',
        record,
        why: said(why || String(record.host), whose),
        changes: {},
      };
    }
    const changed = Object.entries(record).filter(
      ([name, value]) => JSON.stringify(before[name]) !== JSON.stringify(value),
    );
    return {
      what: changed.length > 0 ? 'change' : 'same',
      record,
      why:
        changed.length === 0
          ? ''
          : said(changed.map(([name, value]) => fromTo(name, before[name], value)).join(', '), whose, moved),
      changes: Object.fromEntries(changed),
    };
  });
}

const fromTo = (name: string, before: unknown, after: unknown) =>
  `${name} ${cellOf(before) || '(none)'} → ${cellOf(after) || '(none)'}`;

const said = (...parts: readonly string[]) => parts.filter(Boolean).join('; ');
