import type { Command } from 'commander';

/** Adds the options and the work of a command. */
export type Configure = (command: Command) => Promise<void>;

/** Name and arguments, summary, and module of each command. A module is loaded when its command is used. */
export const commands: readonly (readonly [usage: string, summary: string, configure: Configure])[] = [
  [
    'status [name...]',
    'show health, problems first',
    async (c) => (await import('./commands/status.ts')).status(c),
  ],
  [
    'list',
    'list instances and their configuration',
    async (c) => (await import('./commands/list.ts')).list(c),
  ],
  [
    'show <name>',
    'show configuration and health of one instance',
    async (c) => (await import('./commands/list.ts')).show(c),
  ],
  [
    'receipt [name...]',
    'prove what was delivered, hour by hour',
    async (c) => (await import('./commands/receipt.ts')).receipt(c),
  ],
  [
    'history <name>',
    'show each change of state of an instance',
    async (c) => (await import('./commands/history.ts')).history(c),
  ],
  ['add <name>', 'add an instance', async (c) => (await import('./commands/add.ts')).add(c)],
  [
    'test [name...]',
    'test the connection to a console',
    async (c) => (await import('./commands/check.ts')).check(c),
  ],
  [
    'rotate [name]',
    'replace the API token of an instance',
    async (c) => (await import('./commands/rotate.ts')).rotate(c),
  ],
  ['set <name...>', 'change instances', async (c) => (await import('./commands/edit.ts')).set(c)],
  ['enable <name...>', 'resume collection', async (c) => (await import('./commands/edit.ts')).enable(c)],
  ['disable <name...>', 'stop collection', async (c) => (await import('./commands/edit.ts')).disable(c)],
  [
    'remove <name>',
    'stop and delete an instance',
    async (c) => (await import('./commands/remove.ts')).remove(c),
  ],
  [
    'replay <name>',
    'collect a past time range again',
    async (c) => (await import('./commands/replay.ts')).replay(c),
  ],
  ['tail [name]', 'show log lines as they arrive', async (c) => (await import('./commands/tail.ts')).tail(c)],
  [
    'peek',
    'show artifacts in the queue without removing them',
    async (c) => (await import('./commands/queue.ts')).peek(c),
  ],
  ['dlq', 'list or redrive the dead-letter queue', async (c) => (await import('./commands/queue.ts')).dlq(c)],
  [
    'import <file>',
    'add and change many instances',
    async (c) => (await import('./commands/import.ts')).importFile(c),
  ],
  [
    'upgrade-check',
    'show what deploying this version changes',
    async (c) => (await import('./commands/upgrade-check.ts')).upgradeCheck(c),
  ],
  [
    'export [file]',
    'write all instances as CSV or JSON, without tokens',
    async (c) => (await import('./commands/export.ts')).exportFile(c),
  ],
  [
    'discover',
    'list the sites that a token sees, and propose instances',
    async (c) => (await import('./commands/discover.ts')).discover(c),
  ],
  [
    'completion <shell>',
    'print a completion script: bash, zsh or fish',
    async (c) => (await import('./commands/completion.ts')).completion(c),
  ],
];
