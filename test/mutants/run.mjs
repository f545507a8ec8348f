// npm run test:mutants: does a test fail when the code is changed? Takes two hours or so.
// `npm run test:mutants -- src/protocol/leave.ts` asks it of one file.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const files = process.argv.slice(2);
const ofClient = (file) => file.startsWith('src/client/');
for (const [config, asked] of [
  ['stryker', files.filter((file) => !ofClient(file))],
  ['client', files.filter(ofClient)],
]) {
  if (files.length > 0 && asked.length === 0) continue;
  const path = fileURLToPath(new URL(`${config}.config.mjs`, import.meta.url));
  const some = asked.length > 0 ? ['--mutate', asked.join()] : [];
  const { status } = spawnSync('npx', ['stryker', 'run', path, ...some], { stdio: 'inherit' });
  process.exitCode ||= status ?? 1;
}
