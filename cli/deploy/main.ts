import { fileURLToPath } from 'node:url';
import { explained } from '../errors.ts';
import { deploy } from './deploy.ts';

const cdk = fileURLToPath(import.meta.resolve('aws-cdk/bin/cdk'));

try {
  process.exitCode = await deploy(process.argv.slice(2), { cdk, print: console.log });
} catch (error) {
  const { message, remedy } = explained(error);
  console.error(`${message}\n→ ${remedy}`);
  process.exitCode = 1;
}
