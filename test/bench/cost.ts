import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { defaultStreams as streams } from '../../functions/streams/list.ts';
import { memoryMb } from '../../infra/functions/function.ts';
import { bill, type Fleet, type Line, ledgerBill, quietBill, total } from './bill.ts';
import { grouped } from './numbers.ts';
import { prices } from './prices.ts';
import { table } from './report.ts';

const usage = `npm run cost -- [--instances N] [--agents M]   a month's bill for N instances with M agents each

  --instances 10                    consoles
  --agents 1000                     agents of each
  --activities-per-agent-day 5      activities of each agent per day
  --threats-per-agent-month 0.1     each of which changes as often again: a verdict, a mitigation
  --changes-per-agent-day 4         how often an agent's record changes
  --threats-every 5                 minutes between two polls of threats (cadenceMinutes)
  --shared-secrets                  many tokens in each secret
  --docs                            writes docs/cost.md instead, for 1, 10, 100 and 1,000 instances`;

const { values } = parseArgs({
  options: {
    instances: { type: 'string', default: '10' },
    agents: { type: 'string', default: '1000' },
    'activities-per-agent-day': { type: 'string', default: '5' },
    'threats-per-agent-month': { type: 'string', default: '0.1' },
    'changes-per-agent-day': { type: 'string', default: '4' },
    'threats-every': { type: 'string', default: '5' },
    'shared-secrets': { type: 'boolean', default: false },
    docs: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const fleet = (instances: number, sharesSecrets = values['shared-secrets']): Fleet => ({
  instances,
  sharesSecrets,
  cadenceMinutes: { threats: Number(values['threats-every']) },
  agents: Number(values.agents),
  recordsPerAgentDay: {
    activities: Number(values['activities-per-agent-day']),
    threats: (Number(values['threats-per-agent-month']) * 2) / 30,
    agents: Number(values['changes-per-agent-day']),
  },
});

const usd = (amount: number, digits = 2) => grouped(amount, digits);

if (values.help) {
  process.stdout.write(`${usage}\n`);
} else if (values.docs) {
  writeFileSync(join(import.meta.dirname, '..', '..', 'docs', 'cost.md'), await page([1, 10, 100, 1000]));
} else {
  const lines = await bill(fleet(Number(values.instances)));
  const rows = lines.map(({ what, count, unit, usd: amount }) => [
    what,
    `${grouped(count)} ${unit}`,
    usd(amount),
  ]);
  process.stdout.write(
    `${table(['a month', 'counted', 'USD'], rows)}\n\ntotal USD ${usd(total(lines))}, with unused free tier ${usd(total(lines, true))}\n`,
  );
}

/** With a secret for each instance. */
function unshared(lines: readonly Line[], instances: number): number {
  return total(lines) + instances * prices.secret - (lines.find(({ what }) => what === 'secrets')?.usd ?? 0);
}

async function page(counts: readonly number[]): Promise<string> {
  const bills: Line[][] = [];
  for (const instances of counts) bills.push(await bill(fleet(instances, instances >= 100)));
  const [first = []] = bills;
  const rows = first.map(({ what }, i) => [what, ...bills.map((lines) => usd(lines[i]?.usd ?? 0))]);
  const each = bills.map((lines, i) => usd(total(lines) / (counts[i] ?? 1)));
  const quiet = await quietBill(100);
  const [alone, among] = [await ledgerBill(1), await ledgerBill(100)];
  const faster: (readonly [instances: number, usual: number, faster: number])[] = [];
  for (const instances of [1, 100]) {
    const usual = total(bills[counts.indexOf(instances)] ?? []);
    const each = await bill({ ...fleet(instances, instances >= 100), cadenceMinutes: { threats: 1 } });
    faster.push([instances, usual, total(each)]);
  }
  const calls = quiet.filter(({ isCall }) => isCall);
  const { recordsPerAgentDay, agents } = fleet(1);
  const polls = streams.map(({ name, cadenceMinutes }) => `${name} every ${cadenceMinutes} minutes`);
  const reading = bills.map((lines) => lines.map((line) => [line.what, line.usd] as const));
  return `# What a month costs

In US dollars, in ${prices.region}, at public prices as of ${prices.asOf} (\`test/bench/prices.ts\`), without any free tier. Calls, bytes and
milliseconds are counted in a run of the deployed bundle against stand-ins (\`test/bench/bill.ts\`), not estimated. \`npm run cost --
--instances 25 --agents 4000\` computes other numbers (see \`--help\`), and \`npm run cost -- --docs\` writes this page.

## By number of instances

Each with ${grouped(agents)} agents, each generating ${recordsPerAgentDay.activities} activities and changing ${recordsPerAgentDay.agents} times a day, and
${grouped((recordsPerAgentDay.threats ?? 0) * 15, 2)} threats a month that change once more. These are assumptions: use your own numbers.

${table(
  ['', ...counts.map((count) => `${grouped(count)} ${count === 1 ? 'instance' : 'instances'}`)],
  [
    ...rows,
    ['**total**', ...bills.map((lines) => usd(total(lines)))],
    ['for each instance', ...each],
    ['total, free tier unused', ...bills.map((lines) => usd(total(lines, true)))],
    ['total, a secret for each', ...counts.map((count, i) => usd(unshared(bills[i] ?? [], count)))],
  ],
)}

What dominates: ${counts
    .map((count, i) => {
      const [largest, second] = (reading[i] ?? []).toSorted(([, a], [, b]) => b - a);
      return `at ${grouped(count)}, ${largest?.[0]} and ${second?.[0]}`;
    })
    .join('; ')}. Custom metrics, alarms and the
dashboard do not depend on the number of instances.

From 100 instances on, [shared secrets](cli.md#many-tokens-in-one-secret) hold 150 tokens each; the last row has a secret for each instance. Ten
metrics, ten alarms and three dashboards are free in each account: *free tier unused* is the total in an account that uses
them for nothing else. The metrics of problems are sent, and billed, only in hours in which something is wrong: a
problem that lasts all month sends one in three hours of each day, which is counted.

## A quiet instance

One of a hundred instances without new records: ${polls.join(', ')}.

${table(
  ['one of a hundred quiet instances', 'counted a month', 'USD'],
  quiet.map(({ what, count, unit, usd: amount }) => [what, `${grouped(count)} ${unit}`, usd(amount, 4)]),
)}

DynamoDB, Lambda, SQS and Secrets Manager calls together: **${usd(total(calls), 4)} USD** (target: at most 0.10).

## The ledger

What [the ledger](guarantees.md#the-ledger) adds for each instance with threats and activities:

${table(
  ['a month', 'of one instance alone, USD', 'of one of a hundred, USD'],
  [
    ...alone.map(({ what, usd: amount }, i) => [what, usd(amount, 5), usd(among[i]?.usd ?? 0, 5)]),
    ['**total**', usd(total(alone), 5), usd(total(among), 5)],
  ],
)}

The target is less than 0.01. \`collector receipt\` of 30 days for 100 instances takes 200 queries, and less than 0.001 USD of reads.

## Faster

With \`cadenceMinutes: {"threats": 1}\`, all instances are polled for threats every minute ([how fresh they are](benchmarks.md#freshness)).
Set a longer \`pollingInterval\` for those that need not be.

${table(
  ['instances', 'threats every 5 minutes', 'every minute', 'more for each instance'],
  faster.map(([count, usual, more]) => [count, usd(usual), usd(more), usd((more - usual) / count)]),
)}

## How it is counted

- Each stream is polled twice in a separate run, one cadence apart on the consoles' clock, with the assumed number of new records
  and the overlap read again. The second poll is multiplied by the number of cadences in a month of 30.4 days.
- The ledger: a poll that checks two hours is compared with one that checks none, once an hour. The hours are of two days, and so are written to two
  items. A stream has 36 items of at most 1 KB. Changes of state are not counted.
- Lambda's milliseconds are those that the run waited (300 ms for a console, 5 ms for AWS) and its processor time divided by the
  ${((memoryMb / 1769) * 100).toFixed(0)} % of a core that ${memoryMb} MB have, as measured on this machine.
- DynamoDB's units and SQS's chunks of 64 KiB are computed from the items and bodies as they were sent. The consumer
  receives as many chunks and deletes ten messages per call: this is a separate line.
- Logs are kept for ${cdkJson.context.logRetentionDays} days. The dashboard is opened once a day, and there are 30 mails a month.
- A token is read once in four hours by each function (\`functions/adapters/secrets-manager.ts\`).
- Not included: data transfer out of AWS, a VPC's NAT, the forwarder, \`metrics\` other than \`alarms\`, a KMS key of your own (\`keyArn\`), initial backlogs (\`docs/benchmarks.md\` counts a backlog).
`;
}
