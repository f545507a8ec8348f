// Builds dist/: the extension, its history worker, the relay and the chat page. `--watch` rebuilds on change.
const { build, context } = require('esbuild');
const { copyFileSync, mkdirSync } = require('node:fs');

const watch = process.argv.includes('--watch');
const common = { bundle: true, minify: !watch, sourcemap: watch, legalComments: 'none', logLevel: 'info' };
const node = { ...common, platform: 'node', format: 'cjs', target: 'node20' };

const targets = [
  { ...node, entryPoints: { extension: 'src/extension.ts' }, external: ['vscode'], outdir: 'dist' },
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
  mkdirSync('dist', { recursive: true });
  copyFileSync(require.resolve('sql.js/dist/sql-wasm.wasm'), 'dist/sql-wasm.wasm');
  if (!watch) return Promise.all(targets.map((target) => build(target)));
  const contexts = await Promise.all(targets.map((target) => context(target)));
  return Promise.all(contexts.map((each) => each.watch()));
}

main().catch(() => process.exit(1));
