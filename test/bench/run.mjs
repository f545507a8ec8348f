// npm run bench: every topic in a process of its own, as one Markdown table. `-- protocol` runs one topic;
// `--write` puts the table into docs/BENCHMARKS.md.
import { fork, spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const ROOT = join(import.meta.dirname, '../..');
const OUT = join(ROOT, 'test/results/bench');
const TOPICS = ['protocol', 'session'];
const args = process.argv.slice(2);
const wanted = TOPICS.filter((topic) => args.includes(topic));

spawnSync(process.execPath, ['esbuild.js'], { cwd: ROOT, stdio: 'ignore' });
await mkdir(OUT, { recursive: true });

/** @type {{ what: string, result: string, against?: string, ratio?: number, target?: string }[]} */
const figures = [];
for (const topic of wanted.length > 0 ? wanted : TOPICS) {
  // The helpers find dist/ from their own folder, so the bundle lies as deep as they do.
  const outfile = join(ROOT, 'test/results', `${topic}.bench.mjs`);
  await build({
    entryPoints: [join(import.meta.dirname, `${topic}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'error',
  });
  await new Promise((resolve, reject) => {
    const child = fork(outfile, { cwd: ROOT });
    child.on('message', (/** @type {typeof figures} */ some) => figures.push(...some));
    child.on('exit', (code) =>
      code === 0 ? resolve(code) : reject(new Error(`${topic} ended with ${code}`)),
    );
  });
}
if (wanted.length === 0)
  for (const file of await readdir(join(ROOT, 'dist'))) {
    const data = await readFile(join(ROOT, 'dist', file));
    const kib = (/** @type {number} */ n) => `${Math.round(n / 1024)} KiB`;
    figures.push({
      what: `dist/${basename(file)}`,
      result: `${kib(data.length)}, gzip ${kib(gzipSync(data).length)}`,
    });
  }

const { version, devDependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
const cells = figures.map(({ what, result, against = '', ratio, target = '' }) =>
  [what, result, against, ratio === undefined ? '' : `${ratio.toFixed(ratio < 0.1 ? 3 : 2)}×`, target].join(
    ' | ',
  ),
);
const table = ['what | figure | against | ratio | target', '--- | --- | --- | --- | ---', ...cells]
  .map((row) => `| ${row} |`)
  .join('\n');
const machine = `${cpus()[0]?.model}, ${cpus().length} cores; Node ${process.version}; Secure Chat ${version}; esbuild ${devDependencies.esbuild}; ${new Date().toISOString().slice(0, 10)}`;
const text = `# Benchmarks

\`npm run bench\` measures again. Ratios are medians against a peer in the same run; times need a quiet machine.
Send and receive of 1 KiB are measured against the sum of their primitives; messages go over the relay's own process
with its durable store, three sessions in one process.

${machine}

${table}
`;
console.log(text);
if (args.includes('--write')) await writeFile(join(ROOT, 'docs/BENCHMARKS.md'), text);
