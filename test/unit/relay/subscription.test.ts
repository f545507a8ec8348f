import { expect, it } from 'vitest';
import { decodeRelayFrame, unpackFrames, type RelayFrame } from '../../../src/protocol/wire.js';
import { ChannelLog } from '../../../src/relay/channelLog.js';
import { pack } from '../../../src/relay/frames.js';
import { channelKey } from '../../../src/relay/keys.js';
import { Subscription, type Batches } from '../../../src/relay/subscription.js';

const channel = { kind: 'group', key: new Uint8Array(32) } as const;
const subscribe = (from: number, credit = 1024) =>
  new Subscription(channel, channelKey(channel), from, credit);

function logOf(count: number, dropped = 0, size = 5): ChannelLog {
  const log = new ChannelLog('group', { bytes: 0 }, dropped);
  for (let i = 0; i < count; i++) add(log, size);
  return log;
}
function add(log: ChannelLog, size = 5): void {
  const seq = log.next;
  const envelope = new Uint8Array(size).fill(seq);
  log.add({ packed: pack({ type: 'item', channel, seq, envelope }), id: `${seq}`.padStart(48), time: 0 });
  log.last = seq;
}

/** What it hands out until it has no more, in short. */
function drain(subscription: Subscription, log?: ChannelLog, batches: Batches = new Map()): string[] {
  const frames: RelayFrame[] = [];
  while (
    subscription.take(log, batches, (packed) => frames.push(...unpackFrames(packed).map(decodeRelayFrame)))
  );
  return frames.map((frame) =>
    frame.type === 'gap' ? `gap ${frame.oldest}` : 'seq' in frame ? `${frame.type} ${frame.seq}` : frame.type,
  );
}

it('catches up, says live once, and goes on live', () => {
  const log = logOf(2);
  const subscription = subscribe(1);
  expect(drain(subscription, log)).toEqual(['item 1', 'item 2', 'live 2']);
  expect(drain(subscription, log)).toEqual([]);
  add(log);
  expect(drain(subscription, log)).toEqual(['item 3']);
});

it('is live at once in a channel where nothing is, and says so to who asks for more', () => {
  expect(drain(subscribe(1))).toEqual(['live 0']);
  expect(drain(subscribe(9))).toEqual(['gap 1', 'live 0']);
});

it('starts where it is told, and says so if that is beyond the end', () => {
  expect(drain(subscribe(2), logOf(3))).toEqual(['item 2', 'item 3', 'live 3']);
  expect(drain(subscribe(4), logOf(3))).toEqual(['live 3']);
  const subscription = subscribe(99);
  const log = logOf(3);
  expect(drain(subscription, log)).toEqual(['gap 4', 'live 3']);
  add(log);
  expect(drain(subscription, log)).toEqual(['item 4']);
});

it('says what is gone, before catching up and when it happens on the way', () => {
  const log = logOf(3, 5);
  expect(drain(subscribe(0), log)).toEqual(['gap 6', 'item 6', 'item 7', 'item 8', 'live 8']);
  expect(drain(subscribe(6), log)).toEqual(['item 6', 'item 7', 'item 8', 'live 8']);
  const slow = subscribe(6, 1);
  expect(drain(slow, log)).toEqual(['item 6']);
  log.drop(7);
  slow.received(6);
  expect(drain(slow, log)).toEqual(['gap 8', 'item 8', 'live 8']);
  expect(drain(subscribe(1), logOf(0, 4))).toEqual(['gap 5', 'live 4']);
});

it('stops when its credit is used up, and goes on with RECEIVED', () => {
  const log = logOf(10);
  const subscription = subscribe(1, 4);
  expect(drain(subscription, log)).toEqual(['item 1', 'item 2', 'item 3', 'item 4']);
  expect(drain(subscription, log)).toEqual([]);
  subscription.received(2);
  expect(drain(subscription, log)).toEqual(['item 5', 'item 6']);
  subscription.received(1);
  expect(drain(subscription, log)).toEqual([]);
  subscription.received(1_000_000);
  expect(drain(subscription, log)).toEqual(['item 7', 'item 8', 'item 9', 'item 10', 'live 10']);
});

it('shares one batch between readers at one place, within the credit of each', () => {
  const log = logOf(3);
  const batches: Batches = new Map();
  const packed: Uint8Array[] = [];
  for (const subscription of [subscribe(1), subscribe(1), subscribe(1, 2), subscribe(2)])
    subscription.take(log, batches, (part) => packed.push(part));
  const items = packed.filter((part) => part.length > 60);
  expect(items[0]).toBe(items[1]);
  expect(drain(subscribe(1, 2), log, batches)).toEqual(['item 1', 'item 2']);
  expect(drain(subscribe(2), log, batches)).toEqual(['item 2', 'item 3', 'live 3']);
});
