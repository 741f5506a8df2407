import { defineConfig } from 'vitest/config';

/** `npm run pictures` draws the pictures of the page that the documentation shows. */
export default defineConfig({
  test: {
    include: ['test/browser/pictures.ts'],
    globalSetup: ['test/rig/search.ts'],
    setupFiles: ['test/rig/search.setup.ts', 'test/rig/threads.setup.ts'],
    pool: 'forks',
    testTimeout: 300_000,
  },
});
