import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { CheckReport } from '../functions/console/check/check.ts';
import { MisconfiguredError } from '../functions/errors.ts';
import { partsOf } from '../functions/instances/shared-secret.ts';
import { readToken, textOf } from '../functions/instances/token.ts';
import { inParallel } from '../functions/kit/concurrency.ts';
import { wrong } from './command.ts';
import { CommandError, explained, UsageError } from './errors.ts';
import { checkAll, pollNow } from './functions.ts';
import { counted, folded, type Output, plain } from './output.ts';
import { createRecord, type InstanceRecord, readRecord, secretIdOf, sharersOf } from './records.ts';
import { replaceToken } from './replace-token.ts';
import { stageEntries } from './shared-secret.ts';
import type { Stack } from './stack.ts';
import { asTyped } from './typed.ts';

/** Reads a file, or standard input if the name is `-`. */
export async function readText(file: string): Promise<string> {
  try {
    // PowerShell writes UTF-16, or UTF-8 with a BOM.
    return textOf(file === '-' ? await buffer(process.stdin) : await readFile(file));
  } catch (error) {
    throw new CommandError(`cannot read ${file}: ${(error as Error).message}`, 'Check the file name.');
  }
}

/** Reads one token per line: instance name, separator, token. Skips a header and empty lines. */
export async function readTokens(file: string): Promise<Map<string, string>> {
  const text = await readText(file);
  const tokens = new Map<string, string>();
  for (const [i, line] of text.split(/\r\n|\r|\n/).entries()) {
    if (line.trim() === '' || (i === 0 && /^\W*(instance|name)\W+(token|apikey)\W*$/i.test(line))) continue;
    // The error does not quote the line, because it contains a token.
    const refuse = (problem: string) => new UsageError(`${file}, line ${i + 1}: ${problem}`);
    const [, name, given] = /^\uFEFF?\s*"?([a-z0-9-]{1,64})"?\s*[,;\t ]\s*(.+)$/.exec(line) ?? [];
    if (name === undefined || given === undefined) throw refuse('must be NAME,TOKEN');
    if (tokens.has(name)) throw refuse(`${name} has a token in an earlier line`);
    tokens.set(name, tokenIn(given, refuse));
  }
  if (tokens.size === 0) throw new UsageError(`${file} has no lines of NAME,TOKEN`);
  return tokens;
}

function tokenIn(text: string, refuse: (problem: string) => UsageError): string {
  try {
    return readToken(text, '');
  } catch (error) {
    if (!(error instanceof MisconfiguredError)) throw error;
    throw refuse(error.message.replace(/^secretId: the secret … /, 'the token '));
  }
}

/** An instance and its new token; `isNew` if its record is not written yet. */
export interface TokenWork {
  readonly record: InstanceRecord;
  readonly token: string;
  readonly isNew?: boolean;
}

interface Failure {
  readonly instance: string;
  readonly error: string;
  readonly remedy: string;
}

const atOnce = 8;
const silent = { progress: () => undefined, clear: () => undefined };

/** Tests and stores many tokens in parallel, and prints the failures by cause. Returns the exit code. */
export async function bulkTokens(
  stack: Stack,
  work: readonly TokenWork[],
  records: readonly InstanceRecord[],
  { anyway, verb }: { readonly anyway: boolean; readonly verb: string },
  out: Output,
): Promise<number | undefined> {
  const failures: Failure[] = [];
  let ended = 0;
  refuseTwoTokens(work);
  // Tokens in the same secret are replaced one after another.
  const groups = Map.groupBy(work, ({ record }) => secretIdOf(record).replace(/#.*/, ''));
  await inParallel(groups.values(), atOnce, async (group) => {
    const tell = (failure: Failure | undefined) => {
      if (failure !== undefined) failures.push(failure);
      ended += 1;
      out.progress(`${ended} of ${work.length} tokens tested${failedSoFar(failures)}`);
    };
    const isShared = ({ record }: TokenWork) => partsOf(secretIdOf(record)).key !== undefined;
    const shared = group.filter(isShared);
    for (const one of group.filter((one) => !isShared(one))) tell(await stored(stack, one, records, anyway));
    if (shared[0] !== undefined) {
      const { name } = partsOf(secretIdOf(shared[0].record));
      await storedTogether(stack, name, shared, records, anyway, tell);
    }
  });
  const done = work.length - failures.length;
  if (done > 0) await pollNow(stack);
  out.answer({ [verb]: done, failed: failures }, () => [
    `${counted(done, 'instance')} ${verb}, ${failures.length} failed.`,
    ...failureLines(failures),
  ]);
  return failures.length > 0 ? wrong : undefined;
}

/** Of two tokens for the same secret, the second would replace the first. */
function refuseTwoTokens(work: readonly TokenWork[]): void {
  const first = new Map<string, TokenWork>();
  for (const one of work) {
    const secretId = secretIdOf(one.record);
    const before = first.get(secretId);
    if (before !== undefined && before.token !== one.token)
      throw new UsageError(
        `${before.record.instance} and ${one.record.instance} use the secret ${secretId}, and have different tokens`,
      );
    first.set(secretId, one);
  }
}

/** Tokens of one shared secret are written at once, because Secrets Manager keeps few versions. */
async function storedTogether(
  stack: Stack,
  name: string,
  work: readonly TokenWork[],
  records: readonly InstanceRecord[],
  anyway: boolean,
  tell: (failure: Failure | undefined) => void,
): Promise<void> {
  const keyOf = ({ record }: TokenWork) => partsOf(secretIdOf(record)).key ?? '';
  const passed: TokenWork[] = [];
  let staged: Awaited<ReturnType<typeof stageEntries>> | undefined;
  try {
    const entries = work.map((one) => {
      const { host } = readRecord(stack, one.record);
      return { key: keyOf(one), token: one.token, host, rebinds: one.isNew === true };
    });
    staged = await stageEntries(stack.secrets, name, entries);
    const { version, keep } = staged;
    await inParallel(work.values(), atOnce, async (one) => {
      const { record, isNew } = one;
      try {
        const others = sharersOf(stack, readRecord(stack, record), records);
        const of = [isNew ? record : record.instance, ...others];
        const { report } = await checkAll(stack, of, version, silent);
        if (report.good || anyway) passed.push(one);
        else tell(failed(record, report));
      } catch (error) {
        tell(failureOf(record, error));
      }
    });
    if (passed.length === 0) return await staged.discard();
    await keep(passed.map(keyOf));
  } catch (error) {
    await staged?.discard();
    const told = passed.length > 0 ? passed : work;
    for (const { record } of told) tell(failureOf(record, error));
    return;
  }
  for (const { record, isNew } of passed) {
    const written = isNew ? createRecord(stack, record) : Promise.resolve();
    tell(
      await written.then(
        () => undefined,
        (error) => failureOf(record, error),
      ),
    );
  }
}

const failedSoFar = (failures: readonly unknown[]) =>
  failures.length > 0 ? `, ${failures.length} failed` : '';

async function stored(
  stack: Stack,
  { record, token, isNew }: TokenWork,
  records: readonly InstanceRecord[],
  anyway: boolean,
): Promise<Failure | undefined> {
  try {
    const instance = readRecord(stack, record);
    const others = sharersOf(stack, instance, records);
    const { kept, report } = await replaceToken(
      stack,
      {
        instance,
        token,
        of: [isNew ? record : record.instance, ...others],
        anyway,
        rebinds: isNew === true,
        ...(isNew && { write: () => createRecord(stack, record) }),
      },
      silent,
    );
    return kept ? undefined : failed(record, report);
  } catch (error) {
    return failureOf(record, error);
  }
}

function failed({ instance }: InstanceRecord, { findings }: CheckReport): Failure {
  const first = findings.find(({ outcome }) => outcome === 'failed');
  const remedy =
    first?.what === 'token'
      ? 'Check that you copied all of each token, then run this again with these lines.'
      : (first?.remedy ?? '');
  return { instance, error: first?.detail ?? 'failed', remedy };
}

function failureOf({ instance }: InstanceRecord, error: unknown): Failure {
  const { message, remedy } = explained(error);
  return { instance, error: message, remedy };
}

const named = (failure: Failure | undefined) =>
  (failure?.remedy ?? '').replace(/\bNAME\b/, failure?.instance ?? '');

/** Groups failures by remedy, most frequent first: the first error, the instances, and the remedy. */
export function failureLines(failures: readonly Failure[]): string[] {
  const groups = [...Map.groupBy(failures, ({ remedy }) => remedy).values()];
  return groups
    .sort((a, b) => b.length - a.length)
    .flatMap((group) => {
      const [first] = group;
      const names = group.map(({ instance }) => instance).sort();
      return [
        '',
        `${group.length} × ${plain(first?.error ?? '')}`,
        `    → ${plain(asTyped(names.length === 1 ? named(first) : (first?.remedy ?? '')))}`,
        `    ${folded(names)}`,
      ];
    });
}
