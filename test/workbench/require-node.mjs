// Imported before anything else, so that an old Node gets a sentence instead of
// a stack trace out of the middle of an install.
import { readFileSync } from 'node:fs';

const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const needed = engines.node.match(/\d+/g).map(Number);
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < needed[0] || (major === needed[0] && minor < needed[1])) {
  console.error(
    `Secure Chat needs Node.js ${needed[0]}.${needed[1]} or newer, and this is ${process.versions.node}. ` +
      'Get a newer one from https://nodejs.org and run the command again.',
  );
  process.exit(1);
}
