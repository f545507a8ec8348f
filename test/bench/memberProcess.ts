import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { ChatClient } from '../../src/client/chatClient.js';
import { systemRandom } from '../../src/crypto/random.js';
import { openKeyFile } from '../../src/protocol/keyFile.js';
import { workerHistory } from '../../src/store/historyPort.js';
import { ParticipantStore } from '../../src/store/participantStore.js';
import { now } from './figures.js';
import { realEffects } from '../helpers/effects.js';

/** A participant in a process of its own, wired as in the extension. It says what happens, and when. */
export type Order =
  | { order: 'invite'; others: string[] }
  | { order: 'send'; group: string; text: string }
  | { order: 'echo'; text: string }
  | { order: 'close' };
export interface Said {
  readonly said: 'online' | 'begun' | 'all present' | 'shown' | 'echoed';
  /** The group's id, or the text. */
  readonly what: string;
  /** ms, see figures.ts. */
  readonly at: number;
}

const [dir, password, url, echoUrl] = process.argv.slice(2) as [string, string, string, string];
const say = (said: Said['said'], what = '', at = now()) => process.send?.({ said, what, at } satisfies Said);

const identity = await openKeyFile(new Uint8Array(await readFile(join(dir, 'identity.key'))), password);
const store = await ParticipantStore.open({
  dir,
  storageKey: identity.storageKey,
  wasm: new Uint8Array(await readFile('dist/sql-wasm.wasm')),
  random: systemRandom,
  startHistory: workerHistory(join(process.cwd(), 'dist/historyWorker.js')),
});
const client = await ChatClient.open({
  identity,
  store,
  effects: realEffects(url),
  settings: { inviteLifetime: 24 * 3600 * 1000 },
});

const complete = new Set<string>();
client.events.on('changed', () => {
  const { groups } = client.view();
  for (const { id, members } of groups) {
    if (complete.has(id) || !members.every(({ presence }) => presence === 'present')) continue;
    complete.add(id);
    say('all present', id);
  }
});
client.events.on('invited', (id) => void client.accept(id));
client.events.on('messages', (_group, messages) => {
  for (const { text, sender, kind } of messages) if (kind === 'text' && !sender.me) say('shown', text);
});

const plain = new WebSocket(echoUrl, { perMessageDeflate: false });
plain.on('message', (data: Buffer) => say('echoed', data.toString()));

process.on('message', (order: Order) => {
  const at = now();
  if (order.order === 'invite') void client.invite('Bench', order.others).then((id) => say('begun', id, at));
  if (order.order === 'send') {
    void client.send(order.group, order.text);
    say('begun', order.text, at);
  }
  if (order.order === 'echo') {
    plain.send(order.text);
    say('begun', order.text, at);
  }
  if (order.order === 'close') void client.close().then(() => process.exit());
});

plain.once('open', () => {
  const look = () => {
    if (client.view().connection.state !== 'online') return;
    client.events.off('changed', look);
    say('online');
  };
  client.events.on('changed', look);
  client.connect();
});
