import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { generateRsa, signPss } from '../../../src/crypto/rsa.js';
import {
  encodeClientFrame,
  encodeRelayFrame,
  loginParts,
  MAX_PAYLOAD,
  packFrames,
  type ClientFrame,
} from '../../../src/protocol/wire.js';
import { inboxOf, newLoginKeys, RawRelayClient, type LoginKeys } from '../../helpers/rawRelayClient.js';
import { channelKey } from '../../../src/relay/keys.js';
import { startRelay, type Harness } from './harness.js';

let ada: LoginKeys;
let bo: LoginKeys;
beforeAll(async () => {
  [ada, bo] = await Promise.all([newLoginKeys(), newLoginKeys()]);
});
let harness: Harness;
beforeEach(async () => {
  harness = await startRelay();
});
afterEach(() => harness.end());

const connect = () => RawRelayClient.connect(harness.relay.url, { keys: ada });
/** What ended a connection: its last frame and close code. */
async function ending(client: RawRelayClient): Promise<(string | number)[]> {
  const code = await client.closed();
  const last = client.frames.at(-1);
  return [
    last?.type === 'err' ? last.code : last?.type === 'goaway' ? last.reason : String(last?.type),
    code,
  ];
}

describe('login', () => {
  it('takes the owner of a key in and says what holds here', async () => {
    const client = await harness.login(ada);
    expect(client.challenge).toMatchObject({ relayId: harness.store.ids.relayId, expiresIn: 10_000 });
    expect(client.ready).toMatchObject({
      storeId: harness.store.ids.storeId,
      maxEnvelope: 65_536,
      credit: 1024,
    });
  });

  it('gives each connection a nonce of its own', async () => {
    const clients = [await harness.login(ada), await harness.login(bo)];
    expect(clients[0]?.challenge?.nonce).not.toEqual(clients[1]?.challenge?.nonce);
  });

  it.each<[string, (client: RawRelayClient, parts: ReturnType<typeof loginParts>) => Uint8Array]>([
    ['another key', (_, parts) => signPss(bo.privateKey, ...parts)],
    [
      'another nonce',
      (client, [label, origin, relayId, , key]) =>
        signPss(
          ada.privateKey,
          label,
          origin as Uint8Array,
          relayId as Uint8Array,
          new Uint8Array(client.challenge?.nonce.length ?? 0),
          key as Uint8Array,
        ),
    ],
    [
      'another relay',
      (_, [label, origin, , nonce, key]) =>
        signPss(
          ada.privateKey,
          label,
          origin as Uint8Array,
          new Uint8Array(32),
          nonce as Uint8Array,
          key as Uint8Array,
        ),
    ],
    ['garbage', () => new Uint8Array(randomBytes(384))],
    ['a byte', () => new Uint8Array(1)],
  ])('refuses a signature by or for %s', async (_, sign) => {
    const client = await connect();
    client.send({ type: 'hello', version: 1 });
    client.challenge = await client.next('challenge');
    const parts = loginParts(client.origin, client.challenge.relayId, client.challenge.nonce, ada.signKey);
    client.send({ type: 'auth', signKey: ada.signKey, signature: sign(client, parts) });
    expect(await ending(client)).toEqual(['login-refused', 1008]);
  });

  it('refuses a weak key and what is no key', async () => {
    const { publicKey } = await generateRsa(2048);
    for (const signKey of [publicKey, new Uint8Array(300), ada.signKey.slice(1)]) {
      const client = await connect();
      client.send({ type: 'hello', version: 1 });
      await client.next('challenge');
      client.send({ type: 'auth', signKey, signature: new Uint8Array(256) });
      expect(await ending(client)).toEqual(['login-refused', 1008]);
    }
  });

  it('accepts a signature for one connection only', async () => {
    const client = await connect();
    await client.authenticate();
    const { relayId, nonce } = client.challenge as { relayId: Uint8Array; nonce: Uint8Array };
    const signature = signPss(ada.privateKey, ...loginParts(client.origin, relayId, nonce, ada.signKey));
    const replay = await connect();
    replay.send({ type: 'hello', version: 1 });
    await replay.next('challenge');
    replay.send({ type: 'auth', signKey: ada.signKey, signature });
    expect(await ending(replay)).toEqual(['login-refused', 1008]);
  });

  it('has to be done within its time', async () => {
    const late = await connect();
    late.send({ type: 'hello', version: 1 });
    late.challenge = await late.next('challenge');
    harness.now += 9_999;
    harness.relay.tick();
    const { relayId, nonce } = late.challenge;
    const signature = signPss(ada.privateKey, ...loginParts(late.origin, relayId, nonce, ada.signKey));
    harness.now += 1;
    late.send({ type: 'auth', signKey: ada.signKey, signature });
    expect(await ending(late)).toEqual(['login-refused', 1008]);
    const idle = await connect();
    harness.now += 10_000;
    harness.relay.tick();
    expect(await ending(idle)).toEqual(['idle', 1008]);
  });

  it('of one key twice ends the first', async () => {
    const first = await harness.login(ada);
    first.subscribe('inbox');
    await first.next('live');
    const second = await harness.login(ada);
    expect(await ending(first)).toEqual(['logged-in-elsewhere', 1008]);
    second.subscribe('inbox');
    await second.next('live');
    expect(harness.hub.peers.size).toBe(1);
  });

  it('comes before everything else', async () => {
    const nothing = new Uint8Array(0);
    const frames: ClientFrame[] = [
      {
        type: 'sub',
        channel: { kind: 'inbox', key: ada.fingerprint },
        proof: nothing,
        storeId: new Uint8Array(32),
        from: 1,
      },
      {
        type: 'pub',
        channel: { kind: 'inbox', key: ada.fingerprint },
        proof: nothing,
        idempotencyKey: new Uint8Array(16),
        envelope: new Uint8Array(1),
      },
      { type: 'mpub', entries: [] },
      { type: 'unsub', channel: { kind: 'inbox', key: ada.fingerprint } },
      { type: 'received', channel: { kind: 'inbox', key: ada.fingerprint }, seq: 1 },
      { type: 'prekey-put', prekey: new Uint8Array(1) },
      { type: 'prekey-get', fingerprint: ada.fingerprint },
    ];
    for (const frame of frames) {
      const client = await connect();
      client.send(frame);
      expect(await ending(client)).toEqual(['not-logged-in', 1008]);
    }
    const client = await connect();
    client.send({ type: 'auth', signKey: ada.signKey, signature: new Uint8Array(384) });
    expect(await ending(client)).toEqual(['malformed', 1002]);
  });
});

describe('what makes no sense', () => {
  const hello = encodeClientFrame({ type: 'hello', version: 1 });
  it.each<[string, Uint8Array | string]>([
    ['text', 'hello'],
    ['an empty message', new Uint8Array(0)],
    ['half a length', new Uint8Array(3)],
    ['an empty frame', new Uint8Array(4)],
    ['a frame that is cut off', packFrames([hello]).subarray(0, -1)],
    ['a byte too much', new Uint8Array([...packFrames([hello]), 0])],
    ['another version', packFrames([encodeClientFrame({ type: 'hello', version: 2 })])],
    ['a second hello', packFrames([hello, hello])],
    ['a frame for clients', packFrames([encodeRelayFrame({ type: 'goaway', reason: 'idle' })])],
  ])('is refused and ends the connection: %s', async (_, data) => {
    const client = await connect();
    client.socket.send(data);
    expect(await ending(client)).toEqual(['malformed', 1002]);
  });

  it('is refused of whoever is logged in too, with what came before answered', async () => {
    const client = await harness.login(ada);
    client.send({ type: 'prekey-get', fingerprint: bo.fingerprint });
    client.socket.send(new Uint8Array([0, 0, 0, 1, 255]));
    client.publish(inboxOf(bo.fingerprint), new Uint8Array(1));
    await client.closed();
    expect(
      harness.store.log(channelKey(inboxOf(bo.fingerprint))),
      'what came after is ignored',
    ).toBeUndefined();
    expect(client.frames.map(({ type }) => type)).toEqual(['prekey', 'err']);
  });

  it('is cut off above the limit of a message', async () => {
    const client = await harness.login(ada);
    client.socket.send(new Uint8Array(MAX_PAYLOAD + 1));
    expect(await client.closed()).toBe(1009);
  });

  it('never harms the relay', async () => {
    const whole = fc.uint8Array({ maxLength: 200 });
    const framed = fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 3 }).map(packFrames);
    const twisted = fc
      .tuple(fc.nat(), fc.integer({ min: 1, max: 255 }), fc.constantFrom('pub', 'sub', 'mpub', 'received'))
      .map(([at, flip, type]) => {
        const channel = { kind: 'group', key: new Uint8Array(32) } as const;
        const proof = new Uint8Array(64);
        const some = { idempotencyKey: new Uint8Array(16), envelope: new Uint8Array(9) };
        const data = packFrames([
          encodeClientFrame(
            type === 'pub'
              ? { type, channel, proof, ...some }
              : type === 'sub'
                ? { type, channel, proof, storeId: new Uint8Array(32), from: 1 }
                : type === 'mpub'
                  ? { type, entries: [{ inbox: new Uint8Array(32), ...some }] }
                  : { type, channel, seq: 9 },
          ),
        ]);
        data[at % data.length] = (data[at % data.length] as number) ^ flip;
        return data;
      });
    let client = await harness.login(ada);
    await fc.assert(
      fc.asyncProperty(fc.oneof(whole, framed, twisted), async (data) => {
        if (client.closeCode !== undefined) client = await harness.login(ada);
        client.socket.send(data);
        const closed = await client.settled().then(
          () => false,
          () => true,
        );
        const errors = client.frames.splice(0).filter(({ type }) => type !== 'ack' && type !== 'live');
        expect(errors.every(({ type }) => type === 'err')).toBe(true);
        if (closed) expect([client.closeCode, errors.length]).toEqual([1002, 1]);
      }),
      { numRuns: 300 },
    );
    expect((await harness.login(bo)).ready).toBeDefined();
  });
});

describe('a peer that is not there', () => {
  it('is pinged after silence, and cut when it does not answer', async () => {
    const dead = await harness.login(ada);
    const alive = await harness.login(bo);
    dead.socket.pause();
    harness.now += 25_000;
    const pinged = new Promise((resolve) => alive.socket.once('ping', resolve));
    harness.relay.tick();
    await pinged;
    await alive.settled();
    harness.now += 8_000;
    harness.relay.tick();
    dead.socket.resume();
    expect(await dead.closed()).toBe(1006);
    await alive.settled();
  });

  it('is cut when it does not close', async () => {
    const client = await harness.login(ada);
    client.socket.pause();
    await harness.login(ada);
    harness.now += 10_000;
    harness.relay.tick();
    expect(harness.hub.peers.size).toBe(2);
    await expect.poll(() => harness.hub.peers.size).toBe(1);
    client.socket.resume();
  });
});

it('logs logins and endings with no more than 8 hex digits of anyone', async () => {
  const client = await harness.login(ada);
  client.socket.close();
  await client.closed();
  await expect.poll(() => harness.lines.length).toBe(2);
  const text = harness.lines.join('\n');
  expect(text).toContain(Buffer.from(ada.fingerprint.subarray(0, 4)).toString('hex'));
  expect(text).not.toMatch(/[0-9a-f]{9}/);
});
