import { configDefaults, defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** These run the deployed bundle; it is synthesised once for all of them. */
const deployed = ['test/local/*.test.ts', 'test/local/faults/*.test.ts'];
const simulation = ['test/simulation/**/*.test.ts'];
const browser = ['test/**/*.browser.test.ts'];
const smoke = ['test/**/*.smoke.test.ts'];
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
    reporters: ['default', './test/support/tally.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      // `npm test` runs these two,
      project('units', ['test/**/*.test.ts'], [...deployed, ...simulation, ...browser, ...smoke]),
      project('smoke', smoke, [], { globalSetup }),
      // and `npm run test:all` these as well.
      project('deployed', deployed, smoke, { globalSetup }),
      project('simulation', simulation, smoke),
      project('browser', browser, []),
    ],
  },
});
