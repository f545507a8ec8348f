import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { must, npm } from './processes.mjs';

/**
 * Fetches a package from the npm registry, checks it and unpacks it.
 *
 * @param {{ name: string, version: string, integrity: string }} pin
 * @param {string} into an empty or missing folder
 * @throws {Error} when it is not the package that was pinned
 */
export async function unpack({ name, version, integrity }, into) {
  await mkdir(into, { recursive: true });
  await npm(`Fetching ${name}`, ['pack', `${name}@${version}`, '--pack-destination', into]);
  const packed = (await readdir(into)).find((file) => file.endsWith('.tgz')) ?? '';
  const tarball = join(into, 'package.tgz');
  await rename(join(into, packed), tarball);

  const content = await readFile(tarball);
  const hash = `sha512-${createHash('sha512').update(content).digest('base64')}`;
  if (hash !== integrity) {
    throw new Error(`${name}@${version} is not the package that was pinned. Its hash is ${hash}.`);
  }
  // Run inside the folder: GNU tar takes the colon of C:\ for a host name.
  const flags = ['-xzf', 'package.tgz', '--strip-components=1', '--exclude=*.map'];
  await must(`Unpacking ${name}`, 'tar', flags, { cwd: into });
  await rm(tarball);
}
