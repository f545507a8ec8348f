import { scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { DEFAULT_COST } from '../../src/crypto/password.js';
import { systemRandom } from '../../src/crypto/random.js';
import { openKeyFile, sealKeyFile } from '../../src/protocol/keyFile.js';
import { makePeople } from '../helpers/people.js';
import { atMost, median, processorTime, report, time, timedAsync } from './figures.js';

const ROUNDS = 9;
const PASSWORD = 'correct horse battery staple';

const [{ identity, secrets }] = await makePeople(['Ada']);
const file = await sealKeyFile(identity.card.bytes, secrets, PASSWORD, systemRandom);
const { logN, r, p } = DEFAULT_COST;
const derive = promisify<string, Uint8Array, number, object, Buffer>(scrypt);
const bare = () => derive(PASSWORD, file.subarray(0, 32), 72, { N: 2 ** logN, r, p, maxmem: 2 ** 28 });
const whole = () => openKeyFile(file, PASSWORD);

const clock: Record<'bare' | 'whole', number[]> = { bare: [], whole: [] };
const ratios: number[] = [];
await whole();
for (let turn = 0; turn < ROUNDS; turn++) {
  const spent = { bare: 0, whole: 0 };
  const both = [
    async () => clock.bare.push(await timedAsync(async () => void (spent.bare = await processorTime(bare)))),
    async () =>
      clock.whole.push(await timedAsync(async () => void (spent.whole = await processorTime(whole)))),
  ];
  for (const each of turn % 2 ? both : both.reverse()) await each();
  ratios.push(spent.whole / spent.bare);
}
report({
  what: 'unlock: openKeyFile (ratio of processor time)',
  result: time(median(clock.whole)),
  against: `scrypt alone, N = 2^${logN}, ${time(median(clock.bare))}`,
  ratio: median(ratios),
  ...atMost(median(ratios), 1.05),
});
