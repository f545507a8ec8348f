// npm run test:mutants: does a test fail when the code is changed? `npm run test:mutants -- -m src/protocol/leave.ts`
// asks it of one file.
/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  vitest: { configFile: 'stryker.vitest.mts', related: true },
  mutate: [
    'src/crypto/**/*.ts',
    'src/protocol/**/*.ts',
    'src/client/{epochState,succession,repair}.ts',
    '!src/crypto/selfTestVectors.ts',
  ],
  // What stands in messages for people is no behaviour.
  mutator: { excludedMutations: ['StringLiteral'] },
  coverageAnalysis: 'perTest',
  concurrency: 2,
  timeoutMS: 60_000,
  reporters: ['clear-text', 'progress', 'html'],
  htmlReporter: { fileName: 'test/results/mutants.html' },
  tempDirName: '.stryker-tmp',
  ignorePatterns: ['dist', '.vscode-host', 'test/results', 'docs/images'],
};
