import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { decodeRelayFrame, MAX_PAYLOAD, unpackFrames, type RelayFrame } from '../../../src/protocol/wire.js';
import type { Context } from '../../../src/relay/context.js';
import { Delivery } from '../../../src/relay/delivery.js';
import { Hub } from '../../../src/relay/hub.js';
import { channelKey } from '../../../src/relay/keys.js';
import { DEFAULT_LIMITS } from '../../../src/relay/limits.js';
import { memoryOnly, Store } from '../../../src/relay/store.js';
import { Subscription } from '../../../src/relay/subscription.js';
import { ids } from './harness.js';

const channel = { kind: 'group', key: new Uint8Array(32) } as const;
const { queuePause, queueLimit, stall } = DEFAULT_LIMITS;

/** A socket whose peer takes nothing until told to. */
class Socket {
  readonly OPEN = 1;
  readyState = 1;
  bufferedAmount = 0;
  readonly messages: Uint8Array[] = [];
  readonly #waiting: (() => void)[] = [];

  send(data: Uint8Array, written?: () => void): void {
    this.messages.push(data);
    this.bufferedAmount += data.length;
    if (written) this.#waiting.push(written);
  }
  /** The peer takes all. */
  drain(): void {
    this.bufferedAmount = 0;
    for (const written of this.#waiting.splice(0)) written();
  }
  frames(): RelayFrame[] {
    return this.messages.splice(0).flatMap((data) => unpackFrames(data).map(decodeRelayFrame));
  }
}

let now: number;
let socket: Socket;
let store: Store;
let delivery: Delivery;
let waiting: boolean;
const onTooSlow = vi.fn();
beforeEach(() => {
  now = 1e6;
  waiting = false;
  onTooSlow.mockClear();
  socket = new Socket();
  store = new Store(ids, DEFAULT_LIMITS, () => now, memoryOnly);
  const ticker = { add: () => void (waiting = true) };
  const context = { store, hub: new Hub(), ticker, limits: DEFAULT_LIMITS, clock: () => now };
  delivery = new Delivery(socket as unknown as WebSocket, context as unknown as Context, onTooSlow);
});

/** Ticks until nothing is left to do. Returns how many there were. */
function run(): number {
  let ticks = 0;
  for (; waiting; ticks++) {
    waiting = false;
    delivery.flush(new Map());
  }
  return ticks;
}
async function fill(count: number, size: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const idempotencyKey = new Uint8Array(16).fill(n);
    idempotencyKey[0] = n >> 8;
    await store.put({ channel, sender: 'a'.repeat(32), idempotencyKey, envelope: new Uint8Array(size) });
  }
}
const subscribe = () => {
  const subscription = new Subscription(channel, channelKey(channel), 1, 1e6);
  delivery.wake(subscription);
  return subscription;
};
const prekey: RelayFrame = { type: 'prekey', fingerprint: new Uint8Array(32), prekey: new Uint8Array(3000) };

describe('Delivery', () => {
  it('writes once a tick: answers in their order, then items', async () => {
    await fill(3, 10);
    delivery.answer(prekey);
    subscribe();
    delivery.answer({ type: 'goaway', reason: 'idle' });
    expect(run()).toBe(1);
    expect(socket.messages.length).toBe(1);
    expect(socket.frames().map(({ type }) => type)).toEqual([
      'prekey',
      'goaway',
      'item',
      'item',
      'item',
      'live',
    ]);
  });

  it('never makes a message longer than a client takes, whatever comes together', async () => {
    await fill(8, 64 * 1024);
    const subscription = subscribe();
    for (let n = 0; n < 100; n++) delivery.answer(prekey);
    delivery.wake(subscription);
    run();
    expect(Math.max(...socket.messages.map((data) => data.length))).toBeLessThanOrEqual(MAX_PAYLOAD);
    expect(socket.frames().filter(({ type }) => type === 'item').length).toBe(8);
  });

  it('queues no more than a pause’s worth and one batch for a reader that takes nothing, and goes on where it was', async () => {
    await fill(400, 20_000);
    subscribe();
    run();
    expect(socket.bufferedAmount).toBeGreaterThanOrEqual(queuePause);
    expect(socket.bufferedAmount).toBeLessThan(queuePause + 64 * 1024);
    const seqs: number[] = [];
    while (socket.messages.length > 0) {
      for (const frame of socket.frames()) if (frame.type === 'item') seqs.push(frame.seq);
      socket.drain();
      run();
      expect(socket.bufferedAmount).toBeLessThan(queuePause + 64 * 1024);
    }
    expect(seqs).toEqual(Array.from({ length: 400 }, (_, i) => i + 1));
    expect(onTooSlow).not.toHaveBeenCalled();
  });

  it('ends a reader that asks and asks and takes nothing', () => {
    for (let n = 0; n < 3000 && onTooSlow.mock.calls.length === 0; n++) {
      delivery.answer(prekey);
      run();
    }
    expect(onTooSlow).toHaveBeenCalled();
    expect(socket.bufferedAmount).toBeLessThanOrEqual(queueLimit + 64 * 1024);
  });

  it('counts answers that are not even written', () => {
    for (let n = 0; n < 3000; n++) delivery.answer(prekey);
    expect(delivery.tooSlow).toBe(true);
  });

  it('knows a reader that took nothing for too long from one that has nothing to take', async () => {
    now += stall * 2;
    expect(delivery.tooSlow).toBe(false);
    await fill(1, 10);
    subscribe();
    run();
    now += stall - 1;
    expect([delivery.tooSlow, delivery.written]).toEqual([false, false]);
    now += 1;
    expect(delivery.tooSlow).toBe(true);
    socket.drain();
    expect([delivery.tooSlow, delivery.written]).toEqual([false, true]);
  });

  it('finishes with the answers that wait and a last word, without items', async () => {
    await fill(1, 10);
    subscribe();
    delivery.answer(prekey);
    delivery.finish({ type: 'goaway', reason: 'idle' });
    run();
    expect(socket.frames().map(({ type }) => type)).toEqual(['prekey', 'goaway']);
  });

  it('does nothing once the socket is closing', async () => {
    await fill(1, 10);
    subscribe();
    socket.readyState = 2;
    run();
    expect(socket.messages).toEqual([]);
  });
});
