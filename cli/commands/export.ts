import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { type CommonOptions, does } from '../command.ts';
import { withoutTokens, writeInstances } from '../instance-file.ts';
import { counted, printable, json as toJson } from '../output.ts';
import { listRecords } from '../records.ts';

interface ExportOptions extends CommonOptions {
  readonly format?: 'csv' | 'json';
}

export function exportFile(command: Command): void {
  command
    .description(
      'Writes all instances as CSV or JSON to a file or to standard output. Tokens are not included.',
    )
    .addOption(
      new Option('--format <format>', 'output format (default: by the file extension, else csv)').choices([
        'csv',
        'json',
      ]),
    );
  does<[string | undefined], ExportOptions>(command, async ({ out, stack: open }, { format, json }, file) => {
    const records = (await listRecords(await open())).map(withoutTokens);
    const isJson = (format ?? (json || file?.endsWith('.json') ? 'json' : 'csv')) === 'json';
    const text = isJson ? `${toJson(records, 2)}\n` : writeInstances(records);
    if (file === undefined) process.stdout.write(process.stdout.isTTY ? lines(text) : text);
    else {
      await writeFile(file, text);
      out.answer({ exported: records.length, file }, () => [
        `Wrote ${counted(records.length, 'instance')} to ${file}`,
      ]);
    }
    return undefined;
  });
}

const lines = (text: string) => text.split('\n').map(printable).join('\n');
