import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { ChatClient } from '../../src/client/chatClient.js';
import { systemRandom } from '../../src/crypto/random.js';
import { openKeyFile } from '../../src/protocol/keyFile.js';
import { inlineHistory } from '../../src/store/historyPort.js';
import { ParticipantStore } from '../../src/store/participantStore.js';
import { realEffects } from './effects.js';

/** A participant in a process of its own, to be killed: sends the lines it reads, prints what it shows. */
const [dir, password, url, wasm] = process.argv.slice(2) as [string, string, string, string];
const identity = await openKeyFile(new Uint8Array(await readFile(`${dir}/identity.key`)), password);
const store = await ParticipantStore.open({
  dir,
  storageKey: identity.storageKey,
  wasm: new Uint8Array(await readFile(wasm)),
  random: systemRandom,
  startHistory: inlineHistory,
  checkpointEvery: 20,
});
const client = await ChatClient.open({
  identity,
  store,
  effects: realEffects(url),
  settings: { inviteLifetime: 1e9 },
});
const say = (line: string) => process.stdout.write(`${line}\n`);
client.events.on('invited', (id) => void client.accept(id).then(() => say('accepted')));
client.events.on('messages', (_group, messages) => {
  for (const { text, sender, kind } of messages) if (kind === 'text' && !sender.me) say(`shown ${text}`);
});
client.connect();
say('ready');
for await (const text of createInterface({ input: process.stdin })) {
  const group = client.view().groups[0]?.id;
  if (group) await client.send(group, text).then(() => say(`stored ${text}`));
}
