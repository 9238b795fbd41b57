import { compare } from './delivered.ts';
import { type Stage, streams, tableOf } from './schedule.ts';
import { checkSearch, searchableThreat } from './search-check.ts';
import { say, sayFound } from './show.ts';

/** Prints the final status. Returns 1 if there is a mismatch. */
export async function summary(stage: Stage, once: boolean): Promise<number> {
  const { scenario, collector, analytics, tally } = stage;
  for (const line of ['', ...(await tableOf(collector)), '']) say(line);
  const status = await collector.status();
  const wrong: string[] = [];
  for (const { record, should } of scenario.instances) {
    for (const { name, byDefault } of streams) {
      if (!(record.streams?.includes(name) ?? byDefault)) continue;
      const found = status.find(({ instance, stream }) => instance === record.instance && stream === name);
      const state = found?.state ?? 'pending';
      if (state !== should && !(should === 'ok' && state === 'backlogged')) {
        wrong.push(`${name} of ${record.instance} is ${state}, expected ${should}`);
      }
    }
  }
  if (scenario.expected !== undefined) {
    const { unchanged, expected: total, unexpected } = compare(analytics.accepted, scenario.expected);
    say(`${unchanged} of ${total} records delivered unchanged`);
    if (unchanged < total) wrong.push(`${total - unchanged} records are missing or changed`);
    if (unexpected > 0) wrong.push(`${unexpected} unexpected artifacts`);
    if (scenario.unserved) wrong.push(`lines that could not be served: ${scenario.unserved}`);
  }
  const threat = searchableThreat(analytics.accepted);
  if (threat !== undefined) {
    const found = checkSearch(threat, analytics.search);
    sayFound(threat, found);
    for (const { field, value, found: isFound, foundByOther } of found) {
      if (!isFound) wrong.push(`a threat is not found by ${field} ${value}`);
      if (foundByOther) wrong.push(`a threat is found by a wrong ${field}`);
    }
  }
  const { collected, forwarded } = tally;
  const accepted = analytics.acceptedInAll;
  say(`artifacts: ${collected} collected, ${forwarded} forwarded, ${accepted} accepted`);
  if (once && (collected !== forwarded || forwarded !== accepted))
    wrong.push('not every artifact was collected, forwarded and accepted once');
  for (const line of wrong) say(`FAILED: ${line}`);
  return wrong.length > 0 ? 1 : 0;
}
