import { type Command, Option } from 'commander';
import { type Episode, episodesOf } from '../../functions/health/history.ts';
import { fromMs, type Timestamp } from '../../functions/kit/time.ts';
import { type CommonOptions, does } from '../command.ts';
import { duration, plain, type Style, table } from '../output.ts';
import { listRecords, recordOf } from '../records.ts';
import { momentOption } from '../times.ts';

interface HistoryOptions extends CommonOptions {
  readonly from: Timestamp;
}

export function history(command: Command): void {
  command
    .description(
      'Shows each change of the state of an instance: when, for how long, and what was said. Kept 35 days.',
    )
    .addOption(
      new Option('--from <time>', 'from this time on: 2026-03-01T00:00:00Z, or 7d ago')
        .argParser(momentOption)
        .default(fromMs(Date.now() - 35 * 24 * 60 * 60_000), '35d'),
    );
  does<[string], HistoryOptions>(command, async ({ out, stack: open }, { from }, name) => {
    const stack = await open();
    recordOf(await listRecords(stack), name);
    const episodes = episodesOf(await stack.ledger().changes(name, from));
    out.answer(episodes, () => shown(episodes));
    return undefined;
  });
}

function shown(episodes: readonly Episode[]): string[] {
  if (episodes.length === 0) return ['No change of state.'];
  const [top = '', ...rows] = table(
    ['AT (UTC)', 'STREAM', 'FROM', 'TO', 'LASTED'],
    episodes.map(({ at, stream, from, to, lastedMs }) => [
      at.slice(0, 19).replace('T', ' '),
      stream,
      from,
      to,
      lastedMs === undefined ? 'until now' : duration(lastedMs),
    ]),
    (row) => styleOf(episodes[row]?.to),
  );
  return [
    top,
    ...rows.flatMap((row, i) => {
      const { error, remedy } = episodes[i] ?? {};
      return [row, ...(error ? [`  ${plain(error)}`] : []), ...(remedy ? [`  → ${plain(remedy)}`] : [])];
    }),
  ];
}

function styleOf(word: string | undefined): Style {
  return word === 'ok' ? 'green' : word === 'disabled' ? 'dim' : 'yellow';
}
