import { dynamoCalls } from './drain.ts';
import { sum } from './numbers.ts';
import { atMost, type Report, table } from './report.ts';
import { type Measured, startStage } from './stage.ts';

/** Only the consoles' clock is moved, twice: by more than the overlap it would be wrong. */
const minutesAhead = 4;

/** A later poll of instances where nothing happened. */
export async function quietPoll(instances: number, stream = 'activities'): Promise<Measured> {
  const stage = await startStage(instances);
  try {
    await stage.give({});
    const collector = await stage.collector(stream);
    await stage.addInstances(instances, stream);
    await collector.invoke();
    await stage.wait(minutesAhead * 60_000);
    // Asks when the token ends and, for alerts, what is not collected, as once a day.
    await collector.invoke(10);
    await stage.wait(minutesAhead * 60_000);
    return await collector.invoke(20);
  } finally {
    await stage.close();
  }
}

export const callsOf = ({ counts }: Measured, service: string): number =>
  sum(Object.entries(counts.calls).map(([name, times]) => (name.startsWith(service) ? times : 0)));

export async function benchQuiet(): Promise<Report> {
  const rows: (string | number)[][] = [];
  const each = new Map<number, Measured>();
  for (const instances of [1, 10, 100]) {
    const measured = await quietPoll(instances);
    each.set(instances, measured);
    const share = (number: number) => (number / instances).toFixed(2);
    rows.push([
      `${instances} instances`,
      share(measured.console.requests),
      share(dynamoCalls(measured)),
      share(measured.counts.writeUnits),
      share(measured.counts.readUnits),
      share(callsOf(measured, 'SQS')),
      share(callsOf(measured, 'SecretsManager')),
      share(measured.logBytes),
    ]);
  }
  const hundred = each.get(100) as Measured;
  return {
    title: 'A quiet instance',
    shown: [
      atMost('quiet instance, one poll: console requests', 1, hundred.console.requests / 100),
      atMost('quiet instance, one poll: DynamoDB calls, of 100 instances', 3, dynamoCalls(hundred) / 100),
      atMost('quiet instance, one poll: DynamoDB calls, all alone', 3, dynamoCalls(each.get(1) as Measured)),
      atMost('quiet instance, one poll: SQS calls', 0, callsOf(hundred, 'SQS') / 100),
    ],
    text: `${table(
      [
        'one poll, for each of',
        'console requests',
        'DynamoDB calls',
        'write units',
        'read units',
        'SQS calls',
        'Secrets Manager calls',
        'log bytes',
      ],
      rows,
    )}

A later poll of instances that have nothing new. Listing the instances and reading their cursors (100 in a call) is
shared by all of them; what each has to itself is taking its claim and giving it back with the status. All alone it takes
four calls: reading the cursor with the claim would save half a read unit, but cost a write at each tick at which it is not due.`,
  };
}
