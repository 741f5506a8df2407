import { defineConfig } from 'vitest/config';

/** Where `.ci/run` reads the runner's own count from. */
const results = process.env['TAGWAVE_TEST_RESULTS'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/rig/search.ts'],
    setupFiles: ['test/rig/search.setup.ts', 'test/rig/threads.setup.ts'],
    pool: 'forks',
    // By default one processor is left idle, and tests that run real processes wait much of the time.
    maxWorkers: '100%',
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: results === undefined ? ['default'] : ['default', ['json', { outputFile: results }]],
  },
});
