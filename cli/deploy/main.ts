import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { explained } from '../errors.ts';
import { deploy } from './deploy.ts';
import { destroy } from './destroy.ts';

const cdk = fileURLToPath(import.meta.resolve('aws-cdk/bin/cdk'));

// Without this, the SDK waits another second for version 1 of the metadata service.
process.env.AWS_EC2_METADATA_V1_DISABLED ??= 'true';

async function ask(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(question)).trim());
  } finally {
    terminal.close();
  }
}

const [command, ...args] = process.argv.slice(2);
try {
  const run = command === 'destroy' ? destroy : deploy;
  process.exitCode = await run(args, { cdk, print: console.log, ask });
} catch (error) {
  const { message, remedy } = explained(error);
  console.error(`${message}\n→ ${remedy}`);
  process.exitCode = 1;
}
