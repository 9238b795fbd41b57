import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { sentinelOne } from '../../functions/adapters/sentinelone.ts';
import type { SentinelOne } from '../../functions/console/api.ts';
import { nextOf, readBody } from '../../functions/console/page.ts';
import { PageSyntaxError } from '../../functions/console/split.ts';
import { PermissionMissingError, TokenRefusedError, UnreadableAnswerError } from '../../functions/errors.ts';
import { at, code, list, parsed, text } from '../../functions/kit/json.ts';
import { type CommonOptions, does } from '../command.ts';
import { CommandError } from '../errors.ts';
import { writeInstances } from '../instance-file.ts';
import { hostOption } from '../options.ts';
import { counted, table } from '../output.ts';
import { readTyped } from '../records.ts';
import { askToken } from '../token.ts';
import { asTyped } from '../typed.ts';

interface DiscoverOptions extends CommonOptions {
  readonly host: string;
  readonly suffix: string;
  readonly write?: string;
}

export function discover(command: Command): void {
  command
    .description(
      'Asks for the API token of an account, lists the sites that it sees, and proposes one instance for all of them or an instance for each. It runs on this machine and stores nothing.',
    )
    .requiredOption('--host <host>', 'console host, or its address as a browser shows it', hostOption)
    .option(
      '--suffix <suffix>',
      'suffix that the host must have, so that the token is sent nowhere else',
      '.sentinelone.net',
    )
    .option('--write <file>', 'write an instance for each site, as a file for import')
    .addHelpText(
      'after',
      `
Example:
  $ collector discover --host usea1-acme.sentinelone.net --write sites.csv
  $ collector import sites.csv --tokens tokens.csv`,
    );
  does<[], DiscoverOptions>(command, async ({ out, stack: open }, { host: typed, suffix, write, local }) => {
    // The simulated consoles are behind a proxy; opening the local stack sets it.
    if (local) await open();
    const given = { rules: { allowedHostSuffixes: [suffix] } };
    const { host } = readTyped(given, { instance: 'trial', host: typed });
    const sites = await sitesOf(sentinelOne, host, await askToken(host));
    if (write !== undefined) await writeFile(write, writeInstances(instancesFor(host, sites)));
    const accounts = new Set(sites.map(({ accountId }) => accountId)).size;
    const [name = 'acme'] = host.split('.')[0]?.split('-').slice(-1) ?? [];
    out.answer(sites, () => [
      ...table(
        ['ACCOUNT', 'SITE', 'SITE ID', 'AGENTS'],
        sites.map((site) => [site.accountName, site.name, site.id, site.agents]),
      ),
      `${counted(sites.length, 'site')} in ${counted(accounts, 'account')}`,
      '',
      'One instance for all that the token sees:',
      `  ${asTyped(`collector add ${name}`)} --host ${host}`,
      'One instance for some sites:',
      `  ${asTyped(`collector add ${name}`)} --host ${host} --sites ${sites
        .slice(0, 2)
        .map(({ id }) => id)
        .join(',')}`,
      ...(write === undefined
        ? ['An instance for each site: run this again with --write FILE.']
        : [`Wrote an instance for each site. Next: ${asTyped('collector import')} ${write} --tokens FILE`]),
    ]);
    return undefined;
  });
}

/** A site as the console lists it. */
export interface Site {
  readonly id: string;
  readonly name: string;
  readonly accountId: string;
  readonly accountName: string;
  readonly agents: string;
}

const [pageSize, mostPages] = [1000, 100];
const request = { timeoutMs: 30_000, maxBytes: 20 * 1024 * 1024 };

/** Returns all sites that a token can see. Throws CommandError if the console refuses, or answers with something else. */
export async function sitesOf(
  console: Pick<SentinelOne, 'get'>,
  host: string,
  token: string,
): Promise<Site[]> {
  const sites = new Map<string, Site>();
  let cursor: string | undefined;
  for (let pages = 0; pages < mostPages; pages++) {
    const query = { limit: String(pageSize), sortBy: 'name', ...(cursor && { cursor }) };
    const { signal } = new AbortController();
    const { body } = await console
      .get({ ...request, host, token, path: '/sites', query, signal })
      .catch((error: unknown) => refused(error, host));
    const { found, next } = readSites(body, host);
    for (const site of found) if (/^\d{1,20}$/.test(site.id)) sites.set(site.id, site);
    if (next === undefined) return [...sites.values()];
    cursor = next;
  }
  throw new CommandError(
    `the list of sites of ${host} does not end after ${mostPages} pages`,
    'Run the command again; if it lasts, report it to SentinelOne support.',
  );
}

function readSites(body: Buffer, host: string) {
  try {
    return readBody(body, 'GET /sites', (page) => {
      const answer = parsed(page.toString());
      if (!Array.isArray(at(answer, 'data', 'sites'))) throw new PageSyntaxError('it has no list of sites');
      const found = list(answer, 'data', 'sites').map((site) => ({
        id: code(site, 'id') ?? '',
        name: text(site, 'name') ?? '',
        accountId: code(site, 'accountId') ?? '',
        accountName: text(site, 'accountName') ?? '',
        agents: code(site, 'activeLicenses') ?? '-',
      }));
      return { found, next: nextOf(answer) };
    });
  } catch (error) {
    if (!(error instanceof UnreadableAnswerError)) throw error;
    throw new CommandError(
      `${host} does not answer with a list of sites: ${error.message}`,
      'Check the host, and whether a proxy or a login page answers in its place.',
    );
  }
}

function refused(error: unknown, host: string): never {
  if (error instanceof TokenRefusedError)
    throw new CommandError(
      `${host} refuses the token: ${error.words}`,
      'Check that you copied all of it, then run this again.',
    );
  if (error instanceof PermissionMissingError)
    throw new CommandError(
      `${host} does not let the token list sites: ${error.words}`,
      "Give the token's user the role Viewer on the account.",
    );
  throw error;
}

/** All instances share one secret, because the token can see all sites. */
function instancesFor(host: string, sites: readonly Site[]) {
  const names = new Set<string>();
  const [account = 'account'] = host.split('.');
  return sites.map(({ id, name }) => {
    const short = name
      .normalize('NFD')
      .replace(/\p{M}/gu, '')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '')
      .slice(0, 40);
    const instance = short === '' || names.has(short) ? `${short || 'site'}-${id}`.slice(0, 64) : short;
    names.add(instance);
    return { instance, host, secretId: `signal-client/sentinelone/${account}`, siteIds: [id] };
  });
}
