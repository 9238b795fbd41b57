import type { Command } from 'commander';
import { type CommonOptions, does } from '../command.ts';
import { changesSince, compare, ownVersion, readChangelog } from '../version.ts';

export function upgradeCheck(command: Command): void {
  command.description(
    'Compares the version of the stack with this one, and prints what changes for an operator when this one is deployed.',
  );
  does<[], CommonOptions>(command, async ({ out, stack: open }) => {
    const { version: deployed, name } = await open();
    const own = ownVersion();
    const changes = changesSince(deployed, readChangelog());
    const isOlder = deployed !== undefined && compare(deployed, own) > 0;
    out.answer({ deployed: deployed ?? null, own, changes }, () => [
      `${name} is version ${deployed ?? 'unknown (0.1.0 or earlier)'}; this is ${own}.`,
      ...(isOlder
        ? ['This command line is older than the stack: deploying it goes back. Update it first.']
        : changes.length === 0
          ? ['Nothing to upgrade.']
          : ['To upgrade: npm run deploy. What changes:', '']),
      ...(isOlder ? [] : changes.flatMap(({ version, lines }) => [`## ${version}`, ...lines])),
    ]);
    return undefined;
  });
}
