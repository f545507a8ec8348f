import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ChatClient } from '../../src/client/chatClient.js';
import { prekeyRow } from '../../src/client/prekeys.js';
import { toHex } from '../../src/crypto/bytes.js';
import { systemRandom } from '../../src/crypto/random.js';
import { wrapInThreads } from '../../src/host/tokenThreads.js';
import { workerHistory } from '../../src/store/historyPort.js';
import { writeParticipants } from '../../src/store/keyFiles.js';
import { ParticipantStore } from '../../src/store/participantStore.js';
import type { Change } from '../../src/store/schema.js';
import { realEffects } from '../helpers/effects.js';
import { RelayProcess, until } from '../helpers/team.js';
import { benchPeople, type BenchPerson } from './benchPeople.js';
import { atMost, now, report, time } from './figures.js';

/** A group of this many by a whole session: store, outbox, relay and all. */
const MEMBERS = Number(process.env['BENCH_LARGE'] ?? 1000);
/** Changes of one commit, with one to spare. */
const AT_ONCE = 254;

const folder = await mkdtemp(join(tmpdir(), 'bench-large-'));
const relay = await new RelayProcess(['--data', join(folder, 'relay'), '--rate', '0']).start();
const [me, ...others] = await benchPeople(MEMBERS);
const folderOf = ({ identity: { card } }: BenchPerson) => toHex(card.fingerprint);
const participant = (person: BenchPerson, contacts: readonly BenchPerson[]) => ({
  folderName: folderOf(person),
  keyFile: new Uint8Array(1),
  storageKey: person.identity.storageKey,
  changes: [
    { put: 'prekey', row: prekeyRow(person.prekey) } as const,
    ...contacts.map(({ identity: { card } }): Change => ({
      put: 'contact',
      row: { fingerprint: card.fingerprint, card: card.bytes, trust: 'verified', added: 1 },
    })),
  ],
});
/** Is invited among the first, and comes when all is done. */
const guest = others[1]!;
await writeParticipants(folder, [participant(me!, others), participant(guest, [me!])], systemRandom);
const loop = monitorEventLoopDelay({ resolution: 1 });
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
/** What it takes, and the longest time for which nothing else went on. What was before leaves no garbage to it. */
async function measured(what: string, work: () => Promise<unknown>): Promise<void> {
  collectGarbage();
  loop.reset();
  const start = now();
  await work();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const blocked = loop.max / 1e6;
  report({
    what: `${MEMBERS} members, a whole session: ${what}`,
    result: `${time(now() - start)}, event loop blocked for at most ${time(blocked)}`,
    ...atMost(blocked, 50, ' ms'),
  });
}
loop.enable();

const wasm = new Uint8Array(await readFile('dist/sql-wasm.wasm'));
let store!: ParticipantStore;
let client!: ChatClient;
const unlock = async (person: BenchPerson) => {
  const { identity } = person;
  store = await ParticipantStore.open({
    dir: join(folder, folderOf(person)),
    storageKey: identity.storageKey,
    wasm,
    random: systemRandom,
    startHistory: workerHistory(join(process.cwd(), 'dist/historyWorker.js')),
  });
  client = await ChatClient.open({
    identity,
    store,
    effects: { ...realEffects(relay.url), wrap: wrapInThreads(join(process.cwd(), 'dist/tokenWorker.js')) },
    settings: { inviteLifetime: 24 * 3600 * 1000 },
  });
  client.connect();
  let due = false;
  client.events.on('changed', () => {
    if (due) return;
    due = true;
    setImmediate(() => {
      due = false;
      client.view();
    });
  });
  await until(client, () => client.view().connection.state === 'online');
};
await measured('unlock with as many contacts', () => unlock(me!));
const ids = others.map(({ identity: { card } }) => toHex(card.fingerprint));
let group = '';
/** Waits for the epoch, and until nothing more has been stored at the relay for a while. */
async function settled(epoch: number): Promise<void> {
  await until(client, () => client.groups.details(group).epoch === epoch, 120_000);
  for (let relayed = -1, now = 0; relayed !== now;) {
    relayed = now;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    now = store.all('relayed').length;
  }
}
await measured(`found it and invite the rest, in steps of ${AT_ONCE}`, async () => {
  group = await client.invite('Large', ids.slice(0, AT_ONCE));
  await settled(1);
  let epoch = 1;
  for (let at = AT_ONCE; at < ids.length; at += AT_ONCE) {
    await client.groups.add(group, ids.slice(at, at + AT_ONCE));
    await settled(++epoch);
  }
});
let { epoch } = client.groups.details(group);
await measured('remove one', async () => {
  await client.groups.remove(group, ids[0]!);
  await settled(++epoch);
});
await measured('renew the key', async () => {
  await client.groups.renew(group);
  await settled(++epoch);
});
await measured('send a message', async () => {
  await client.send(group, 'Hello');
  await settled(epoch);
});
await measured('lock', () => client.close());
await measured('unlock with such a group', () => unlock(me!));
await client.close();
await measured('join, and catch up with all that', async () => {
  await unlock(guest);
  await until(client, () => client.view().invitations.length > 0, 60_000);
  await client.accept(client.view().invitations[0]!.id);
  await until(client, () => client.groups.details(group).epoch === epoch, 120_000);
});
await client.close();
loop.disable();
await relay.stop();
await rm(folder, { recursive: true, force: true });
