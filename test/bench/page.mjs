import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../workbench/install.mjs';
import { CODE_SERVER } from '../workbench/pins.mjs';

/** @typedef {import('./figures.js').Figure} Figure */

/** How many processes wanted a core in the last minute; NaN where that is not told. */
export const load = () => (process.platform === 'win32' ? NaN : (loadavg()[0] ?? NaN));

/**
 * The whole of docs/BENCHMARKS.md.
 *
 * @param {Figure[]} figures
 * @param {number} before the load before anything was measured
 */
export function page(figures, before) {
  return `# Benchmarks

\`npm run bench\` measures and prints this page, \`npm run bench -- protocol\` one topic of it, \`--write\` writes it.

${machine()}

${conditions(before)}

${table(figures)}

## How it is measured

Each figure is a median, and stands beside something measured in the same run, in turns with it: the ratio says more
than the time, and says the same on another machine.

- **Messages and invitations**: three participants, each in a process of its own and wired as in the extension, talk
  over the relay's process with its durable store on the project's disk. 220 texts of 1 KiB, the next after 70 ms and not
  before both others showed the last. The peer is a WebSocket server that passes the same texts on between the same
  three processes; the floor adds what end-to-end signatures and durability cost at least. The original's figures are
  its own: it polled folders.
- **Unlock**: a key file with the standard cost, in turns with \`scrypt\` of \`node:crypto\` alone.
- **Send and receive**: one epoch of a group of three; its primitives are the same calls of \`src/crypto\` on inputs of
  the same sizes and nothing around them. Receiving stops where the record for the store is ready.
- **Replay accept**: the record of a received message, stored, in turns with a plain append of as many bytes and
  \`fdatasync\` in another file of the same disk. Checkpoints are beside the way of a message and left out.
- **Groups**: all that a commit publishes, sealed, against \`ts-mls\` with its X-Wing suite in a process of its own; both
  warm; up to 100 members the median of five. Keys are made beforehand, on both sides. MLS is at its best in a tree that
  all members have committed in: that is measured too.
- **A whole session**: a real client in a group of 1,000, with its store on disk and the relay's process (its limit on
  frames lifted): how long each change takes until the relay has everything, and the longest time for which nothing else
  went on in the extension host's thread meanwhile.
- **Activation**: the packaged extension in VS Code's server, from the extension host's own marks; each window is a new
  extension host. Beside it an extension that does nothing.
- **Relay**: 100 readers of one channel, driver and server on separate cores, against a bare \`ws\` loop that sends each
  message to each.
- **Sizes**: what \`npm run build\` leaves in \`dist/\`.
`;
}

function machine() {
  const [cpu] = cpus();
  /** @param {string} name */
  const version = (name) =>
    JSON.parse(readFileSync(join(ROOT, `node_modules/${name}/package.json`), 'utf8')).version;
  const { version: own } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return [
    `${new Date().toISOString().slice(0, 10)}: ${cpu?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores,`,
    `${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()};`,
    `Node.js ${process.versions.node}, OpenSSL ${process.versions.openssl}; Secure Chat ${own}, ws ${version('ws')},`,
    `@noble/hashes ${version('@noble/hashes')}, sql.js ${version('sql.js')}, code-server ${CODE_SERVER.version}.`,
  ].join('\n');
}

/** @param {number} before */
function conditions(before) {
  const cores = cpus().length;
  if (Number.isNaN(before)) return 'Times need a machine with nothing else to do.';
  const busy = before > 0.25 * cores;
  return `The load before the start was ${before.toFixed(1)} on ${cores} cores${
    busy
      ? ': **the machine was busy with other things**, so times and their tails are longer than they need be, and ratios are\nless certain. Measure again on a quiet one before believing a small difference.'
      : '.'
  }`;
}

/** @param {Figure[]} figures */
function table(figures) {
  const rows = figures.map(({ what, result, against = '', ratio, target = '', met }) => [
    what,
    result,
    against,
    ratio === undefined ? '' : `${ratio.toPrecision(3)}×`,
    met === undefined ? target : `${target} ${met ? '✓' : '✗ missed'}`,
  ]);
  const lines = [['What', 'Result', 'Beside', 'Ratio', 'Target'], Array(5).fill('---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
