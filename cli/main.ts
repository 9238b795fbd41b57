#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// The cache is in the project, where no other user can write. If it is not writable, there is no cache.
enableCompileCache(join(import.meta.dirname, '..', 'node_modules', '.cache', 'collector'));

const { main } = await import('./program.ts');
process.exitCode = await main(process.argv);
