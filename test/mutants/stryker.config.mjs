import { generateKeyPairSync } from 'node:crypto';
import { fileURLToPath } from 'node:url';

const POOL = 16;
process.env['MUTANT_KEYS'] = JSON.stringify(
  Array.from({ length: POOL }, () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 3072,
      publicKeyEncoding: { type: 'spki', format: 'der' },
      privateKeyEncoding: { type: 'pkcs8', format: 'der' },
    });
    return [publicKey.toString('base64'), privateKey.toString('base64')];
  }),
);

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner', fileURLToPath(new URL('errorTexts.mjs', import.meta.url))],
  ignorers: ['error-texts'],
  vitest: { configFile: 'test/mutants/vitest.config.mts', related: true },
  mutate: ['src/crypto/**/*.ts', 'src/protocol/**/*.ts', '!src/crypto/selfTestVectors.ts'],
  coverageAnalysis: 'perTest',
  // Labels and bounds at the top of a module would have every test run; test/vectors has them all.
  ignoreStatic: true,
  concurrency: 2,
  timeoutMS: 10_000,
  reporters: ['clear-text', 'progress', 'html', 'json'],
  htmlReporter: { fileName: 'test/results/mutants.html' },
  jsonReporter: { fileName: 'test/results/mutants.json' },
  tempDirName: '.stryker-tmp',
  ignorePatterns: ['dist', '.vscode-host', 'test/results', 'docs/images'],
};
