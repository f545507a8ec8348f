import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { systemRandom } from '../../src/crypto/random.js';
import { workerHistory } from '../../src/store/historyPort.js';
import { ParticipantStore } from '../../src/store/participantStore.js';
import { chat, message, storageKey } from './messages.js';

/**
 * A window as a process. For each line on standard input it takes the participant in argv over and accepts messages
 * that aren't there yet until it is replaced. It says what happens, a JSON line each; accepted only after the commit.
 */
export type Said =
  | { said: 'opening' | 'replaced' }
  | { said: 'opened'; condition: string; replay: number[]; history: number[] }
  | { said: 'accepted'; message: number }
  | { said: 'failed'; code: string };

const [, , dir = '', wasmPath = '', worker = ''] = process.argv;
const say = (what: Said) => process.stdout.write(`${JSON.stringify(what)}\n`);

async function own(): Promise<void> {
  say({ said: 'opening' });
  const store = await ParticipantStore.open({
    dir,
    storageKey,
    wasm: new Uint8Array(await readFile(wasmPath)),
    random: systemRandom,
    startHistory: workerHistory(worker),
    takeOver: true,
    checkpointEvery: 12,
  });
  try {
    const replay = store.all('token').map(({ expires }) => expires);
    const { entries } = await store.history.page(chat, undefined, 100_000);
    const history = entries.map(({ position }) => position);
    say({ said: 'opened', condition: store.condition, replay, history });
    const known = new Set(replay);
    let lowest = 1;
    const acceptNext = async () => {
      while (known.has(lowest)) lowest++;
      let next = lowest + Math.floor(Math.random() * 3);
      while (known.has(next)) next++;
      known.add(next);
      await store.commit(message(next));
      say({ said: 'accepted', message: next });
    };
    for (;;) await Promise.all([acceptNext(), acceptNext(), acceptNext()]);
  } finally {
    await store.close();
  }
}

createInterface({ input: process.stdin }).on('line', () => {
  own().catch((error: unknown) => {
    const { code, message } = error as NodeJS.ErrnoException;
    say(
      code === 'replaced' || code === 'open-elsewhere'
        ? { said: 'replaced' }
        : { said: 'failed', code: code ?? message },
    );
  });
});
