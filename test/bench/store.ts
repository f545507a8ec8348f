import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRandom } from '../../src/crypto/random.js';
import { workerHistory } from '../../src/store/historyPort.js';
import { ParticipantStore } from '../../src/store/participantStore.js';
import { encodeChanges } from '../../src/store/records.js';
import type { Change } from '../../src/store/schema.js';
import { newEpoch, receiveOne, payload, signKey, text } from './epochs.js';
import { median, report, time, timedAsync } from './figures.js';

const ALONE = 240;
const GROUPS = 30;
const IN_FLIGHT = 16;
/** A journal's frame adds 8 bytes to a record, and the seal its tag. */
const SEALED = 8 + 32;

const { sender, receivers, chat } = newEpoch();
const receiver = receivers[0]!;
let position = 0;

/** The record of a message that came in, as src/client/chat.ts makes it. */
function receiveRecord(): Change[] {
  const received = receiveOne(receiver, sender.send(signKey, payload(), systemRandom).envelope);
  if (received.kind !== 'message') throw new Error('not a message');
  position++;
  const { commit } = receiver;
  return [
    ...received.changes,
    {
      put: 'position',
      row: { channel: receiver.access.channel.key, store_id: commit.hash, seq: position },
    },
    { put: 'chat', row: { ...chat, position, unread: position } },
    {
      history: {
        chat: chat.id,
        position,
        id: systemRandom(16),
        sender: received.sender.card.fingerprint,
        epoch: 1,
        sqn: received.sqn,
        kind: 'text',
        time: Date.now(),
        received: Date.now(),
        text,
      },
    },
  ];
}

const root = await mkdtemp(join(tmpdir(), 'bench-store-'));
const dir = join(root, 'ada');
await mkdir(dir);
const storageKey = systemRandom(32);
await ParticipantStore.create(dir, storageKey, systemRandom, []);
const store = await ParticipantStore.open({
  dir,
  storageKey,
  wasm: new Uint8Array(await readFile('dist/sql-wasm.wasm')),
  random: systemRandom,
  startHistory: workerHistory(join(process.cwd(), 'dist/historyWorker.js')),
  // Checkpoints are beside the way of a message.
  checkpointEvery: Infinity,
});
const file = await open(join(root, 'raw'), 'wx');

/** Medians of commits of `count` records at a time and of as many bytes written and synced at once. */
async function compare(
  turns: number,
  count: number,
): Promise<{ commit: number; raw: number; ratio: number }> {
  const times: Record<'commit' | 'raw', number[]> = { commit: [], raw: [] };
  for (let turn = 0; turn < turns; turn++) {
    const records = Array.from({ length: count }, receiveRecord);
    const bytes = records.reduce((sum, record) => sum + encodeChanges(record).length + SEALED, 0);
    const data = systemRandom(bytes);
    const both = [
      async () =>
        times.commit.push(await timedAsync(() => Promise.all(records.map((record) => store.commit(record))))),
      async () =>
        times.raw.push(
          await timedAsync(async () => {
            await file.writeFile(data);
            await file.datasync();
          }),
        ),
    ];
    for (const each of turn % 2 ? both : both.reverse()) await each();
  }
  // The first tenth warms up.
  const [commit, raw] = [times.commit, times.raw].map((each) => median(each.slice(turns / 10)) / count);
  return { commit: commit!, raw: raw!, ratio: commit! / raw! };
}

for (const [what, turns, count] of [
  ['replay accept: commit of a received 1 KiB, alone', ALONE, 1],
  [`replay accept: a message, ${IN_FLIGHT} in flight`, GROUPS, IN_FLIGHT],
] as const) {
  const { commit, raw, ratio } = await compare(turns, count);
  report({
    what,
    result: time(commit),
    against: `the same bytes appended and fdatasynced ${time(raw)}`,
    ratio,
  });
}
await file.close();
await store.close();
await rm(root, { recursive: true });
