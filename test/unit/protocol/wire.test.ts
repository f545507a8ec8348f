import { describe, expect, it } from 'vitest';
import {
  decodeClientFrame,
  decodeRelayFrame,
  encodeClientFrame,
  encodeRelayFrame,
  packFrames,
  unpackFrames,
  type ClientFrame,
  type RelayFrame,
} from '../../../src/protocol/wire.js';

const k = (n: number, length = 32) => new Uint8Array(length).fill(n);
const group = { kind: 'group', key: k(1) } as const;

const client: ClientFrame[] = [
  { type: 'hello', version: 1 },
  { type: 'auth', signKey: k(2, 422), signature: k(3, 384) },
  { type: 'pub', channel: group, proof: k(4, 64), idempotencyKey: k(5, 16), envelope: k(6, 1000) },
  { type: 'mpub', entries: [{ inbox: k(7), idempotencyKey: k(8, 16), envelope: k(9, 10) }] },
  { type: 'sub', channel: { kind: 'inbox', key: k(1) }, proof: k(0, 0), storeId: k(2), from: 7 },
  { type: 'unsub', channel: group },
  { type: 'received', channel: group, seq: 12 },
  { type: 'prekey-put', prekey: k(1, 1600) },
  { type: 'prekey-get', fingerprint: k(1) },
];
const relay: RelayFrame[] = [
  { type: 'challenge', nonce: k(1), relayId: k(2), expiresIn: 10_000 },
  {
    type: 'ready',
    storeId: k(1),
    maxEnvelope: 65536,
    maxInboxEnvelope: 8192,
    credit: 100,
    rate: 20,
    burst: 100,
  },
  { type: 'ack', channel: group, idempotencyKey: k(1, 16), seq: 3, duplicate: 0 },
  { type: 'item', channel: group, seq: 3, envelope: k(1, 100) },
  { type: 'live', channel: group, seq: 3 },
  { type: 'gap', channel: group, oldest: 3 },
  { type: 'prekey', fingerprint: k(1), prekey: k(1, 0) },
  { type: 'err', code: 'inbox-full', refused: k(1, 16), retryAfter: 1000, message: 'full' },
  { type: 'goaway', reason: 'too-slow' },
];

describe('wire', () => {
  it('round-trips every frame', () => {
    for (const frame of client) expect(decodeClientFrame(encodeClientFrame(frame))).toEqual(frame);
    for (const frame of relay) expect(decodeRelayFrame(encodeRelayFrame(frame))).toEqual(frame);
  });

  it('refuses frames of the other direction', () => {
    for (const frame of client) expect(() => decodeRelayFrame(encodeClientFrame(frame))).toThrow(/Malformed/);
    for (const frame of relay) expect(() => decodeClientFrame(encodeRelayFrame(frame))).toThrow(/Malformed/);
  });

  it('packs and unpacks, and refuses a message cut anywhere', () => {
    const frames = client.map(encodeClientFrame);
    const packed = packFrames(frames);
    expect(unpackFrames(packed)).toEqual(frames);
    let whole = 0;
    for (let end = 0; end < packed.length; end++) {
      try {
        unpackFrames(packed.subarray(0, end));
        whole++;
      } catch (error) {
        expect((error as { code: string }).code).toBe('malformed');
      }
    }
    expect(whole).toBe(frames.length);
  });
});
