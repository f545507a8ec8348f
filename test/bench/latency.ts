import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { systemRandom } from '../../src/crypto/random.js';
import { signPss, verifyPss } from '../../src/crypto/rsa.js';
import { publicKey, signKey, text } from './epochs.js';
import { atMost, median, now, quantile, report, time, timed, timedAsync } from './figures.js';
import { found, type Members } from './members.js';

const MESSAGES = 220;
const WARM_UP = 20;
/** ms from one message to the next, below the relay's 20 a second. */
const PACE = 70;
/** What the program that this one started from took at its best, ms. */
const ORIGINAL = 800;
/** On the way of a message the sender, the relay and the receiver each sync it once. */
const SYNCS = 3;

/** ms from the order until the last of the others has it. */
async function journey({ ada, others }: Members, order: 'send' | 'echo', group: string, body: string) {
  ada.order({ order, group, text: body });
  const { at } = await ada.heard('begun', body);
  const ends = others.map((other) => other.heard(order === 'send' ? 'shown' : 'echoed', body));
  return Math.max(...(await Promise.all(ends)).map((said) => said.at - at));
}

/** ms for what no message can do without: a signature, its verification, and three syncs, one after the other. */
async function floor(file: Awaited<ReturnType<typeof open>>): Promise<number> {
  const data = systemRandom(2048);
  let signature = data;
  const crypto = timed(() => {
    signature = signPss(signKey, data);
    verifyPss(publicKey, signature, data);
  });
  const syncs = await timedAsync(async () => {
    for (let i = 0; i < SYNCS; i++) {
      await file.writeFile(data);
      await file.datasync();
    }
  });
  return crypto + syncs;
}

export async function latency(members: Members): Promise<void> {
  const { group } = await found(members);
  const file = await open(join(members.folder, 'floor'), 'wx');
  const times: Record<'chat' | 'echo' | 'floor', number[]> = { chat: [], echo: [], floor: [] };
  for (let i = -WARM_UP; i < MESSAGES; i++) {
    const due = now() + PACE;
    const body = `${i} ${text}`.slice(0, text.length);
    const chat = await journey(members, 'send', group, body);
    const echo = await journey(members, 'echo', group, body);
    const least = await floor(file);
    if (i >= 0) {
      times.chat.push(chat);
      times.echo.push(echo);
      times.floor.push(least + echo);
    }
    await delay(Math.max(0, due - now()));
  }
  await file.close();

  const [p50, p99] = [median(times.chat), quantile(times.chat, 0.99)];
  const echo = `ws ${time(median(times.echo))}, p99 ${time(quantile(times.echo, 0.99))}`;
  report(
    {
      what: 'message of 1 KiB, send() until shown by both others, p50',
      result: time(p50),
      against: `original ${ORIGINAL} ms at best`,
      ratio: p50 / ORIGINAL,
      ...atMost(p50 / ORIGINAL, 1),
    },
    {
      what: 'the same, p99',
      result: time(p99),
      against: `original ${ORIGINAL} ms at best`,
      ratio: p99 / ORIGINAL,
      ...atMost(p99 / ORIGINAL, 1),
    },
    {
      what: 'the same, p50, against plain WebSocket',
      result: time(p50),
      against: `the same text passed on by a bare ${echo}`,
      ratio: p50 / median(times.echo),
    },
    {
      what: 'the same, p50, against its floor',
      result: time(p50),
      against: `that, 1 signature, 1 verification, ${SYNCS} fdatasyncs in a row ${time(median(times.floor))}`,
      ratio: p50 / median(times.floor),
    },
  );
}
