import type { Command } from 'commander';
import { listRecords } from '../records.ts';
import { openStack } from '../stack.ts';
import { defaultStack } from '../stack-name.ts';

/** A slower answer is useless to someone who presses Tab. */
const patienceMs = 3_000;

/**
 * Returns the words that can follow, for shell completion.
 * @param command the command among the words, with its options; undefined if there is none yet
 */
export async function candidates(
  program: Command,
  command: Command | undefined,
  words: readonly string[],
): Promise<string[]> {
  const global = program.options.flatMap(({ long }) => long ?? []);
  if (command === undefined) return [...names(program), ...global];
  const before = words.at(-1) ?? '';
  const option = command.options.find(({ long }) => long === before);
  if (option?.argChoices !== undefined) return option.argChoices;
  const [argument] = command.registeredArguments;
  return [
    ...(argument?.argChoices ?? []),
    ...names(command),
    ...(argument?.name() === 'name' || before === '--instance' ? await instanceNames(words) : []),
    ...command.options.flatMap(({ long }) => long ?? []),
    ...global,
  ];
}

const names = ({ commands }: Command) =>
  commands.map((one) => one.name()).filter((name) => name !== 'complete');

/** Only names that need no quoting. */
async function instanceNames(words: readonly string[]): Promise<string[]> {
  const valueAfter = (option: string) => {
    const i = words.indexOf(option);
    return i < 0 ? undefined : words[i + 1];
  };
  const late = new Promise<string[]>((resolve) => setTimeout(resolve, patienceMs, []).unref());
  const [region, profile] = [valueAfter('--region'), valueAfter('--profile')];
  const found = openStack({
    stack: valueAfter('--stack') ?? defaultStack,
    local: words.includes('--local'),
    ...(words.includes('--port') && { port: Number(valueAfter('--port')) }),
    ...(region && { region }),
    ...(profile && { profile }),
  })
    .then(listRecords)
    .then((records) =>
      records.map(({ instance }) => instance).filter((name) => /^[a-z0-9-]{1,64}$/.test(name)),
    );
  return Promise.race([found, late]).catch(() => []);
}
