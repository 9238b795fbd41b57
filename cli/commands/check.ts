import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { sentinelOne } from '../../functions/adapters/sentinelone.ts';
import { check as checkConsole } from '../../functions/console/check/check.ts';
import { inParallel } from '../../functions/kit/concurrency.ts';
import { streams } from '../../functions/streams/list.ts';
import { failureLines } from '../bulk.ts';
import { type CommonOptions, does, problem } from '../command.ts';
import { explained, UsageError } from '../errors.ts';
import { findingLines } from '../findings.ts';
import { checkInFunction } from '../functions.ts';
import { hostOption } from '../options.ts';
import { counted, type Output } from '../output.ts';
import { instanceRules, listRecords, readTyped, recordOf } from '../records.ts';
import type { Stack } from '../stack.ts';
import { askToken } from '../token.ts';

interface TestOptions extends CommonOptions {
  readonly all?: boolean;
  readonly host?: string;
  readonly suffix: string;
}

export function check(command: Command): void {
  command
    .description(
      'Tests instances from Lambda: DNS, TLS, API, clock, token, token expiry, and the permission for each stream. With --host it asks for a token and tests any console from this machine. Exits 3 if a test fails.',
    )
    .option('--all', 'test all enabled instances')
    .option('--host <host>', 'a console that is not an instance yet', hostOption)
    .option(
      '--suffix <suffix>',
      'with --host: the suffix that the host must have, so that the token is sent nowhere else',
      '.sentinelone.net',
    );
  does<[string[]], TestOptions>(command, async ({ out, stack: open }, options, names) => {
    const { all, host, suffix, local } = options;
    if ([names.length > 0, all === true, host !== undefined].filter(Boolean).length !== 1)
      throw new UsageError('test needs the names of instances, --all, or --host HOST');
    if (host !== undefined) {
      // The simulated consoles are behind a proxy; opening the local stack sets it.
      if (local) await open();
      return testHost(host, suffix, out);
    }
    const stack = await open();
    const records = await listRecords(stack);
    const chosen = all
      ? records.filter(({ enabled }) => enabled !== false)
      : names.map((name) => recordOf(records, name));
    const [one] = chosen;
    return one !== undefined && chosen.length === 1 && !all
      ? testOne(stack, one.instance, out)
      : testMany(
          stack,
          chosen.map(({ instance }) => instance),
          out,
        );
  });
}

async function testOne(stack: Stack, name: string, out: Output): Promise<number | undefined> {
  const { report, from } = await checkInFunction(stack, { of: name }, out);
  out.answer({ instance: name, from, ...report }, () => [
    `${name}: ${report.host ?? 'no host'}, tested from ${from}`,
    ...findingLines(report, false, name),
  ]);
  return report.good ? undefined : problem;
}

const atOnce = 8;
const silent = { progress: () => undefined, clear: () => undefined };

async function testMany(stack: Stack, names: readonly string[], out: Output): Promise<number | undefined> {
  const reports: { instance: string; good: boolean; error?: string; remedy?: string }[] = [];
  await inParallel(names, atOnce, async (instance) => {
    reports.push(await testQuietly(stack, instance));
    out.progress(`${reports.length} of ${names.length} instances tested`);
  });
  const failed = reports.filter(({ good }) => !good);
  out.answer(reports, () => [
    `${counted(names.length, 'instance')} tested: ${names.length - failed.length} OK, ${failed.length} failed.`,
    ...failureLines(failed.map(({ instance, error = '', remedy = '' }) => ({ instance, error, remedy }))),
  ]);
  return failed.length > 0 ? problem : undefined;
}

async function testQuietly(stack: Stack, instance: string) {
  try {
    const { report } = await checkInFunction(stack, { of: instance }, silent);
    const failed = report.findings.find(({ outcome }) => outcome === 'failed');
    return {
      instance,
      good: report.good,
      ...(failed && { error: failed.detail, remedy: failed.remedy ?? '' }),
    };
  } catch (error) {
    const { message, remedy } = explained(error);
    return { instance, good: false, error: message, remedy };
  }
}

async function testHost(host: string, suffix: string, out: Output): Promise<number | undefined> {
  const record = { instance: 'trial', host };
  const given = { rules: { allowedHostSuffixes: [suffix] } };
  const token = await askToken(readTyped(given, record).host);
  const world = {
    sentinelone: sentinelOne,
    tokenOf: async () => ({ token, isBound: true }),
    clock: { now: Date.now, random: Math.random, sleep: (ms: number) => sleep(ms) },
  };
  const report = await checkConsole(record, streams, instanceRules(given), world);
  out.answer({ from: 'this machine', ...report }, () => [
    `${report.host ?? host}, tested from this machine`,
    ...findingLines(report, true),
  ]);
  return report.good ? undefined : problem;
}
