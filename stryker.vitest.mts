import { defineConfig } from 'vitest/config';

/** The tests that judge a mutant: those of the mutated code that take no browser and no relay of their own. */
export default defineConfig({
  test: {
    include: ['test/unit/{crypto,protocol,client}/**/*.test.ts', 'test/unit/attacks*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
