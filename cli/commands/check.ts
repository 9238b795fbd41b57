import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { sentinelOne } from '../../functions/adapters/sentinelone.ts';
import { check } from '../../functions/console/check.ts';
import { streams } from '../../functions/streams/list.ts';
import { type CommonOptions, does, wrong } from '../command.ts';
import { UsageError } from '../errors.ts';
import { findingLines } from '../findings.ts';
import { checkInFunction } from '../functions.ts';
import { hostOf, instanceRules, listRecords, recordOf } from '../records.ts';
import { askToken } from '../token.ts';

interface TestOptions extends CommonOptions {
  readonly host?: string;
  readonly suffix: string;
}

export function checkCommand(program: Command): void {
  const command = program
    .command('test [name]')
    .summary('test the connection to a console')
    .description(
      'Tests an instance from Lambda: DNS, TLS, API, clock, token, token expiry, and the permission for each stream. With --host it asks for a token and tests any console from this machine.',
    )
    .option('--host <host>', 'a console that is not an instance yet')
    .option(
      '--suffix <suffix>',
      'with --host: the suffix that the host must have, so that the token is sent nowhere else',
      '.sentinelone.net',
    );
  does<[string | undefined], TestOptions>(
    command,
    async ({ out, stack: open }, { host, suffix, local }, name) => {
      if ((name === undefined) === (host === undefined))
        throw new UsageError('test needs either the name of an instance or --host');
      if (name !== undefined) {
        const stack = await open();
        recordOf(await listRecords(stack), name);
        const { report, from } = await checkInFunction(stack, { of: name }, out);
        out.answer({ instance: name, from, ...report }, () => [
          `${name}: ${report.host ?? 'no host'}, tested from ${from}`,
          ...findingLines(report),
        ]);
        return report.good ? undefined : wrong;
      }
      // The simulated consoles are behind a proxy; opening the local stack sets it.
      if (local) await open();
      const record = { instance: 'trial', host };
      const given = { rules: { allowedHostSuffixes: [suffix] } };
      const token = await askToken(hostOf(given, record) ?? String(host));
      const world = {
        sentinelone: sentinelOne,
        tokenOf: async () => ({ token, isBound: true }),
        clock: { now: Date.now, random: Math.random, sleep: (ms: number) => sleep(ms) },
      };
      const report = await check(record, streams, instanceRules(given), world);
      out.answer({ from: 'this machine', ...report }, () => [
        `${report.host ?? host}, tested from this machine`,
        ...findingLines(report),
      ]);
      return report.good ? undefined : wrong;
    },
  );
}
