import { defineConfig } from 'vitest/config';

/** The tests that judge a mutant of a session: its own, and the model of whole groups, both with quick public-key work. */
export default defineConfig({
  test: {
    include: ['test/unit/client/**/*.test.ts', 'test/model/**/*.test.ts'],
    // It counts bytes of real keys.
    exclude: ['test/unit/client/invitationBytes.test.ts'],
    setupFiles: ['test/model/fastCrypto.ts'],
    testTimeout: 120_000,
  },
});
