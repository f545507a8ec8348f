import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Built-in extensions that start in every window, for a third of its processor time, with no part in a chat. */
const IDLE = [
  'configuration-editing',
  'debug-auto-launch',
  'emmet',
  'github',
  'json-language-features',
  'merge-conflict',
  'typescript-language-features',
];

/**
 * Takes out of a fresh install what calls out, asks for files that nobody serves, or
 * costs time and does nothing here.
 *
 * @param {string} serverRoot
 */
export async function quiet(serverRoot) {
  await quietProduct(serverRoot);
  await quietPage(serverRoot);
  for (const name of IDLE) await idle(join(serverRoot, 'extensions', name));
}

/**
 * Nothing here may call out by itself: no gallery, no telemetry, no experiments.
 *
 * @param {string} serverRoot
 */
async function quietProduct(serverRoot) {
  const file = join(serverRoot, 'product.json');
  const product = JSON.parse(await readFile(file, 'utf8'));
  for (const key of Object.keys(product)) {
    if (/gallery|telemetry|newsletter|aiConfig|updateUrl|controlUrl|tasConfig|crash/i.test(key))
      delete product[key];
  }
  await writeFile(file, JSON.stringify(product, null, 2));
}

/**
 * The page links icons and a manifest that only code-server's own front serves.
 *
 * @param {string} serverRoot
 */
async function quietPage(serverRoot) {
  const file = join(serverRoot, 'out/vs/code/browser/workbench/workbench.html');
  const page = await readFile(file, 'utf8');
  await writeFile(
    file,
    page.replace(/^.*<link rel="(?:alternate |apple-touch-)?(?:icon|manifest)".*\n/gm, ''),
  );
}

/**
 * Leaves an extension in name only: the page has a list of its own, and would start
 * another edition of one that is missing.
 *
 * @param {string} dir
 */
async function idle(dir) {
  const { name, displayName, publisher, version, engines } = JSON.parse(
    await readFile(join(dir, 'package.json'), 'utf8'),
  );
  await rm(dir, { recursive: true });
  await mkdir(dir);
  const manifest = { name, displayName, publisher, version, engines, extensionKind: ['workspace'] };
  await writeFile(join(dir, 'package.json'), JSON.stringify(manifest));
}
