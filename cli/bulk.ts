import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { MisconfiguredError } from '../functions/errors.ts';
import { readToken, textOf } from '../functions/instances/token.ts';
import { inParallel } from '../functions/kit/concurrency.ts';
import { wrong } from './command.ts';
import { CommandError, explained, UsageError } from './errors.ts';
import { pollNow } from './functions.ts';
import { counted, folded, type Output, plain } from './output.ts';
import { createRecord, type InstanceRecord, readRecord, secretIdOf, sharersOf } from './records.ts';
import { replaceToken } from './replace-token.ts';
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
    for (const one of group) {
      const failure = await stored(stack, one, records, anyway);
      if (failure !== undefined) failures.push(failure);
      ended += 1;
      out.progress(`${ended} of ${work.length} tokens tested${failedSoFar(failures)}`);
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
    if (kept) return undefined;
    const failed = report.findings.find(({ outcome }) => outcome === 'failed');
    const remedy =
      failed?.what === 'token'
        ? 'Check that you copied all of each token, then run this again with these lines.'
        : (failed?.remedy ?? '');
    return { instance: record.instance, error: failed?.detail ?? 'failed', remedy };
  } catch (error) {
    const { message, remedy } = explained(error);
    return { instance: record.instance, error: message, remedy };
  }
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
