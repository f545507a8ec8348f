import { open } from 'node:fs/promises';
import { scryptSync, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { systemRandom } from '../../src/crypto/random.js';
import { openKeyFile, sealKeyFile } from '../../src/protocol/keyFile.js';
import { members, RelayProcess, Team, until } from '../helpers/team.js';
import { median, ms, now, quantile, report } from './figures.js';

const MESSAGES = 200;
const PACE = 40;
const ROUNDS = 5;

const relay = new RelayProcess([
  '--rate',
  '0',
  '--data',
  join(process.env['TMPDIR'] ?? '/tmp', `bench-${process.pid}`),
]);
const team = await Team.make(['Ada', 'Bo', 'Cy'], await relay.start());
const [ada, bo, cy] = await Promise.all([team.open('Ada'), team.open('Bo'), team.open('Cy')]);

const invites: number[] = [];
let group = '';
for (let i = 0; i < ROUNDS; i++) {
  const from = now();
  group = await team.group(ada, { Bo: bo, Cy: cy }, `Round ${i}`);
  await until(ada, () => members(ada, group).every(({ presence }) => presence === 'present'));
  invites.push(now() - from);
}
report({
  what: 'invitation of two, from sent to all present',
  result: ms(median(invites)),
  against: 'original 2.7 s',
  ratio: median(invites) / 2700,
});

const sent = new Map<string, number>();
const latencies: number[] = [];
let waiting = MESSAGES * 2;
const done = new Promise<void>((resolve) => {
  for (const client of [bo, cy])
    client.events.on('messages', (_group, shown) => {
      for (const { text } of shown) {
        const from = sent.get(text);
        if (from === undefined) continue;
        latencies.push(now() - from);
        if (--waiting === 0) resolve();
      }
    });
});
for (let i = 0; i < MESSAGES; i++) {
  sent.set(`m${i}`, now());
  void ada.send(group, `m${i}`);
  await new Promise((resolve) => setTimeout(resolve, PACE));
}
await done;
for (const [name, q] of [
  ['p50', 0.5],
  ['p99', 0.99],
] as const)
  report({
    what: `message, send() to shown in two others, ${name}`,
    result: ms(quantile(latencies, q)),
    against: 'original 0.8 to 1.4 s',
    ratio: quantile(latencies, q) / 800,
  });

const { identity, secrets } = team.person('Ada');
const keyFile = await sealKeyFile(identity.card.bytes, secrets, 'password', systemRandom);
const unlocks: number[] = [];
for (let i = 0; i < ROUNDS; i++) {
  const salt = randomBytes(32);
  let from = now();
  scryptSync('password', salt, 72, { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 });
  const bare = now() - from;
  from = now();
  await openKeyFile(keyFile, 'password');
  unlocks.push((now() - from) / bare);
}
report({ what: 'unlock', result: '', against: 'bare scrypt', ratio: median(unlocks), target: '≤ 1.05' });

await Promise.all([ada, bo, cy].map((client) => client.close()));
const store = await team.store('Ada');
const file = await open(join(team.root, 'raw'), 'a');
const accepts: number[] = [];
const chat = systemRandom(16);
for (let i = 1; i <= 300; i++) {
  const hash = systemRandom(32);
  let from = now();
  await file.write(systemRandom(1600));
  await file.datasync();
  const raw = now() - from;
  from = now();
  await store.commit([
    { put: 'accepted', row: { chat, epoch: 1, place: 1, sqn: i, hash } },
    { put: 'position', row: { channel: hash, store_id: hash, seq: i } },
    { put: 'meta', row: { key: 'bench', value: systemRandom(1400) } },
  ]);
  accepts.push((now() - from) / raw);
}
report({
  what: 'replay accept, alone',
  result: '',
  against: 'raw append and fdatasync',
  ratio: median(accepts),
});
await file.close();
await store.close();
await team.close();
