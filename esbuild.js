// Builds dist/: the extension, its workers, the relay and the chat page. `--watch` rebuilds on change.
const { build, context, transform } = require('esbuild');
const { copyFileSync, mkdirSync, rmSync } = require('node:fs');
const { mkdir, writeFile } = require('node:fs/promises');
const { dirname } = require('node:path');

const watch = process.argv.includes('--watch');
const common = { bundle: true, minify: !watch, sourcemap: watch, legalComments: 'none', logLevel: 'info' };
const node = { ...common, platform: 'node', format: 'cjs', target: 'node20' };

/** Writes a build that esbuild splits, which it does for ES modules only, as CommonJS. */
const asCommonJs = {
  name: 'as-commonjs',
  setup({ onEnd, initialOptions }) {
    initialOptions.write = false;
    onEnd(async ({ outputFiles = [] }) => {
      for (const { path, text } of outputFiles) {
        const { code } = await transform(text, {
          format: 'cjs',
          platform: 'node',
          target: 'node20',
          minify: !watch,
          supported: { 'dynamic-import': false },
        });
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, code);
      }
    });
  },
};

const targets = [
  // In pieces: what only an unlocked participant needs is not read when a window opens.
  {
    ...node,
    entryPoints: { extension: 'src/extension.ts' },
    external: ['vscode'],
    format: 'esm',
    splitting: true,
    chunkNames: 'extension/[name]-[hash]',
    plugins: [asCommonJs],
    sourcemap: false,
    outdir: 'dist',
  },
  {
    ...node,
    entryPoints: {
      historyWorker: 'src/store/historyWorker.ts',
      tokenWorker: 'src/host/tokenWorker.ts',
      relay: 'src/relay/main.ts',
    },
    outdir: 'dist',
  },
  {
    ...common,
    platform: 'browser',
    format: 'iife',
    target: 'chrome128',
    entryPoints: { webview: 'webview/main.ts' },
    outdir: 'dist',
  },
];

async function main() {
  rmSync('dist', { recursive: true, force: true });
  mkdirSync('dist');
  copyFileSync(require.resolve('sql.js/dist/sql-wasm.wasm'), 'dist/sql-wasm.wasm');
  if (!watch) return Promise.all(targets.map((target) => build(target)));
  const contexts = await Promise.all(targets.map((target) => context(target)));
  return Promise.all(contexts.map((each) => each.watch()));
}

main().catch(() => process.exit(1));
