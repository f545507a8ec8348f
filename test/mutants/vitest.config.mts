import { defineConfig } from 'vitest/config';

/** The tests that judge a mutant: those of the mutated code that take no browser and no relay of their own. */
export default defineConfig({
  test: {
    include: ['test/unit/{crypto,protocol,client}/**/*.test.ts', 'test/unit/attacks*.test.ts'],
    setupFiles: ['test/mutants/keyPool.ts'],
    testTimeout: 15_000,
    hookTimeout: 15_000,
  },
});
