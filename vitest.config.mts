import { defineConfig } from 'vitest/config';

const project = (name: string, include: string[], extra: object = {}) => ({
  test: { name, include, testTimeout: 30_000, hookTimeout: 60_000, ...extra },
});

export default defineConfig({
  test: {
    projects: [
      project('unit', ['test/unit/**/*.test.ts']),
      project('property', ['test/property/**/*.test.ts'], { testTimeout: 120_000 }),
      project('model', ['test/model/**/*.test.ts'], {
        testTimeout: 1_800_000,
        setupFiles: ['test/model/fastCrypto.ts'],
      }),
      project('webview', ['test/webview/**/*.test.ts'], { testTimeout: 60_000 }),
      project('scenario', ['test/scenario/**/*.test.ts'], { testTimeout: 120_000 }),
      project('e2e', ['test/e2e/**/*.test.ts'], {
        testTimeout: 300_000,
        hookTimeout: 300_000,
        fileParallelism: false,
        expect: { poll: { timeout: 30_000 } },
      }),
    ],
  },
});
