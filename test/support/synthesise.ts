import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { synthesise } from '../../infra/synth.ts';
import type { Template } from '../../local/aws/template.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The template, and the folder with the functions' bundle. */
    deployment: { readonly template: Template; readonly code: string };
  }
}

export default async function setup(project: TestProject) {
  const outdir = await mkdtemp(join(tmpdir(), 'synth-'));
  project.provide('deployment', synthesise({ analyticsUrl: 'https://analytics.example' }, outdir));
  return () => rm(outdir, { recursive: true, force: true });
}
