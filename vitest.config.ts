import { defineConfig } from 'vitest/config';

/** What runs the deployed bundle; it is synthesised once for all of them. */
const deployed = ['test/local/*.test.ts', 'test/local/faults/*.test.ts'];

export default defineConfig({
  test: {
    // Two cores: one file more would only wait. The limits are there to end a hang, not to measure.
    maxWorkers: 2,
    reporters: ['default', './test/support/tally.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      { extends: true, test: { name: 'units', include: ['test/**/*.test.ts'], exclude: deployed } },
      {
        extends: true,
        test: { name: 'deployed', include: deployed, globalSetup: 'test/support/synthesise.ts' },
      },
    ],
  },
});
