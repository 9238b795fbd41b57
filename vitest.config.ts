import { configDefaults, defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** These run the deployed bundle; it is synthesised once for all of them. */
const deployed = ['test/local/*.test.ts', 'test/local/faults/*.test.ts'];
const simulation = ['test/simulation/**/*.test.ts'];
const browser = ['test/**/*.browser.test.ts'];
/** These set the environment and load what reads it, so each needs modules of its own. */
const adapters = ['test/contracts/*.test.ts', 'test/functions/adapters/*.test.ts'];
const smoke = ['test/**/*.smoke.test.ts'];
/** These need programs of Python's, and say that they are skipped where those are missing. */
const aws = ['test/aws/*.test.ts'];
/** This measures memory, which depends on what else runs. */
const memory = ['test/local/bombs.test.ts'];
const globalSetup = 'test/support/synthesise.ts';

const project = (
  name: string,
  include: string[],
  exclude: string[],
  more: TestProjectInlineConfiguration['test'] = {},
): TestProjectInlineConfiguration => ({
  extends: true,
  test: { name, include, exclude: [...configDefaults.exclude, ...exclude], ...more },
});

export default defineConfig({
  test: {
    // More files at once than cores would only wait. The time limits end a hang; they measure nothing.
    maxWorkers: 2,
    reporters: ['default', './test/support/summary-reporter.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      // `npm test` runs these three. Most of what a unit test takes is the loading of modules, so they share them.
      project(
        'units',
        ['test/**/*.test.ts'],
        [...adapters, ...deployed, ...simulation, ...browser, ...smoke, ...aws],
        {
          isolate: false,
        },
      ),
      project('adapters', adapters, []),
      project('smoke', smoke, [], { globalSetup }),
      // `npm run test:all` runs these as well.
      project('deployed', deployed, [...smoke, ...memory], { globalSetup }),
      project('memory', memory, [], { globalSetup, sequence: { groupOrder: 1 } }),
      project('simulation', simulation, smoke),
      project('browser', browser, []),
      project('aws', aws, []),
    ],
  },
});
