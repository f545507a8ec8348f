import { createRequire } from 'node:module';
import { readFile, readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ROOT } from '../workbench/install.mjs';

/** Inputs that are named for each bundle. */
const BIGGEST = 4;
const require = createRequire(import.meta.url);
const kB = (/** @type {number} */ bytes) => `${(bytes / 1000).toFixed(0)} kB`;

/**
 * The files of dist/, built anew; those in a folder of it together.
 *
 * @returns {Promise<import('./figures.js').Figure[]>}
 */
export async function sizes() {
  const inputs = await buildInputs();
  const dist = join(ROOT, 'dist');
  /** @type {Map<string, Buffer[]>} */
  const files = new Map();
  const entries = await readdir(dist, { recursive: true, withFileTypes: true });
  for (const { parentPath, name } of entries.filter((each) => each.isFile())) {
    const path = join(parentPath, name);
    const shown = together(relative(dist, path));
    files.set(shown, [...(files.get(shown) ?? []), await readFile(path)]);
  }
  const figures = [];
  for (const [name, pieces] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const data = Buffer.concat(pieces);
    figures.push({
      what: `size of dist/${name}`,
      result: `${kB(data.length)} (${data.length} bytes), gzip ${kB(gzipSync(data, { level: 9 }).length)}`,
      against: biggest(inputs.get(name) ?? new Map()),
    });
  }
  return figures;
}

/**
 * Runs esbuild.js, which alone says how dist/ is built, and asks for what went into it besides.
 *
 * @returns {Promise<Map<string, Map<string, number>>>} bytes by package or folder, by output
 */
async function buildInputs() {
  const path = require.resolve('esbuild');
  const esbuild = require('esbuild');
  /** @type {ReturnType<typeof esbuild.build>[]} */
  const builds = [];
  const cached = /** @type {NodeJS.Module} */ (require.cache[path]);
  cached.exports = {
    ...esbuild,
    build(/** @type {import('esbuild').BuildOptions} */ options) {
      builds.push(esbuild.build({ ...options, metafile: true, logLevel: 'error' }));
      return builds.at(-1);
    },
  };
  require(join(ROOT, 'esbuild.js'));
  cached.exports = esbuild;
  const results = await Promise.all(builds);
  /** @type {Map<string, Map<string, number>>} */
  const inputs = new Map();
  for (const [path, output] of results.flatMap(({ metafile }) => Object.entries(metafile.outputs))) {
    const name = together(relative('dist', path));
    inputs.set(name, byPackage(output.inputs, inputs.get(name)));
  }
  return inputs;
}

/** A file in a folder stands for all of them. */
const together = (/** @type {string} */ path) => (path.includes(sep) ? `${path.split(sep)[0]}/` : path);

/** @param {Record<string, { bytesInOutput: number }>} inputs */
function byPackage(inputs, /** @type {Map<string, number>} */ sums = new Map()) {
  for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
    const installed = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
    const name =
      installed ??
      path
        .split('/')
        .slice(0, path.startsWith('src/') ? 2 : 1)
        .join('/');
    sums.set(name, (sums.get(name) ?? 0) + bytesInOutput);
  }
  return sums;
}

/** @param {Map<string, number>} sums */
function biggest(sums) {
  const sorted = [...sums].sort(([, a], [, b]) => b - a).slice(0, BIGGEST);
  return sorted.map(([name, bytes]) => `${name} ${kB(bytes)}`).join(', ');
}
