#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// Next to the packages, where no other user can write. Without the right to write, there is no cache.
enableCompileCache(join(import.meta.dirname, '..', 'node_modules', '.cache', 'collector'));

const { main } = await import('./program.ts');
process.exitCode = await main(process.argv);
