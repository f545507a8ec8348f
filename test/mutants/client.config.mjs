import config from './stryker.config.mjs';

// So many runs of the model find what hundreds of them find, mostly.
process.env['MODEL_RUNS'] ??= '15';
process.env['MODEL_SHRINK'] = '0';

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  ...config,
  vitest: { configFile: 'test/mutants/vitest.client.config.mts', related: true },
  mutate: ['src/client/{receiving,epochState,succession,repair}.ts'],
  timeoutMS: 30_000,
  htmlReporter: { fileName: 'test/results/mutants-client.html' },
  jsonReporter: { fileName: 'test/results/mutants-client.json' },
};
