import { randomBytes, type KeyObject } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { WebSocket, type ClientOptions } from 'ws';
import { ed25519Public, ed25519Sign } from '../../src/crypto/ed25519.js';
import { sha256 } from '../../src/crypto/hash.js';
import { generateRsa, parsePrivateKey, signPss } from '../../src/crypto/rsa.js';
import {
  channelProofBytes,
  decodeRelayFrame,
  encodeClientFrame,
  loginParts,
  packFrames,
  SUBPROTOCOL,
  unpackFrames,
  type Channel,
  type ClientFrame,
  type RelayFrame,
} from '../../src/protocol/wire.js';

export interface LoginKeys {
  readonly signKey: Uint8Array;
  readonly privateKey: KeyObject;
  readonly fingerprint: Uint8Array;
}

export async function newLoginKeys(): Promise<LoginKeys> {
  const { publicKey, privateKey } = await generateRsa();
  return { signKey: publicKey, privateKey: parsePrivateKey(privateKey), fingerprint: sha256(publicKey) };
}

/** An idempotency key. */
export const newKey = (): Uint8Array => new Uint8Array(randomBytes(16));
export const groupOf = (seed: Uint8Array): Channel => ({ kind: 'group', key: ed25519Public(seed) });
export const inboxOf = (fingerprint: Uint8Array): Channel => ({ kind: 'inbox', key: fingerprint });

type Of<T extends RelayFrame['type']> = Extract<RelayFrame, { type: T }>;
const NONE = new Uint8Array(0);

/** Speaks the relay's frames and nothing more: what comes waits in `frames` until a test asks for it. */
export class RawRelayClient {
  readonly frames: RelayFrame[] = [];
  /** WebSocket messages received. */
  messages = 0;
  closeCode: number | undefined;
  challenge: Of<'challenge'> | undefined;
  ready: Of<'ready'> | undefined;
  readonly #news = new EventEmitter();

  private constructor(
    readonly socket: WebSocket,
    readonly origin: string,
    readonly keys: LoginKeys | undefined,
  ) {
    socket.on('message', (data: Buffer) => {
      this.messages++;
      this.frames.push(...unpackFrames(data).map(decodeRelayFrame));
      this.#news.emit('news');
    });
    socket.on('error', () => undefined);
    socket.on('close', (code) => {
      this.closeCode = code;
      this.#news.emit('news');
    });
  }

  /** Connected, not logged in. Rejects if the upgrade is refused. `signs`: the origin that it believes in. */
  static async connect(
    url: string,
    { keys, signs, ...options }: ClientOptions & { keys?: LoginKeys; signs?: string } = {},
  ): Promise<RawRelayClient> {
    const socket = new WebSocket(url, SUBPROTOCOL, { perMessageDeflate: false, ...options });
    const client = new RawRelayClient(socket, signs ?? new URL(url).origin, keys);
    await once(socket, 'open');
    return client;
  }

  static async login(url: string, keys: LoginKeys, options: ClientOptions = {}): Promise<RawRelayClient> {
    const client = await RawRelayClient.connect(url, { ...options, keys });
    await client.authenticate();
    client.ready = await client.next('ready');
    return client;
  }

  /** Answers the challenge, without waiting for what comes of it. */
  async authenticate(keys = this.keys as LoginKeys): Promise<void> {
    this.send({ type: 'hello', version: 1 });
    this.challenge = await this.next('challenge');
    const { relayId, nonce } = this.challenge;
    const parts = loginParts(this.origin, relayId, nonce, keys.signKey);
    this.send({ type: 'auth', signKey: keys.signKey, signature: signPss(keys.privateKey, ...parts) });
  }

  /** The frames in one WebSocket message. */
  send(...frames: ClientFrame[]): void {
    this.socket.send(packFrames(frames.map(encodeClientFrame)));
  }

  proof(seed: Uint8Array): Uint8Array {
    const { relayId, nonce } = this.challenge as Of<'challenge'>;
    return ed25519Sign(
      seed,
      channelProofBytes(this.origin, relayId, nonce, (this.keys as LoginKeys).signKey),
    );
  }

  /** Subscribes to the group channel of `seed`, or to the own inbox. */
  subscribe(seed: Uint8Array | 'inbox', from = 1, storeId = this.ready?.storeId ?? new Uint8Array(32)): void {
    const inbox = seed === 'inbox';
    const channel = inbox ? inboxOf((this.keys as LoginKeys).fingerprint) : groupOf(seed);
    this.send({ type: 'sub', channel, proof: inbox ? NONE : this.proof(seed), storeId, from });
  }

  /** Publishes; a proof is added where the channel is a seed. Returns the idempotency key. */
  publish(to: Uint8Array | Channel, envelope: Uint8Array, idempotencyKey = newKey()): Uint8Array {
    const [channel, proof] = to instanceof Uint8Array ? [groupOf(to), this.proof(to)] : [to, NONE];
    this.send({ type: 'pub', channel, proof, idempotencyKey, envelope });
    return idempotencyKey;
  }

  /** The oldest frame of a type that was not asked for yet; waits for it. Rejects if the connection closed without it. */
  async next<T extends RelayFrame['type']>(
    type: T,
    where: (frame: Of<T>) => boolean = () => true,
  ): Promise<Of<T>> {
    for (;;) {
      const at = this.frames.findIndex((frame) => frame.type === type && where(frame as Of<T>));
      if (at >= 0) return this.frames.splice(at, 1)[0] as Of<T>;
      if (this.closeCode !== undefined) throw new Error(`closed with ${this.closeCode} before ${type}`);
      await once(this.#news, 'news');
    }
  }

  /** The next `count` frames of a type. */
  async take<T extends RelayFrame['type']>(type: T, count: number): Promise<Of<T>[]> {
    const taken: Of<T>[] = [];
    while (taken.length < count) taken.push(await this.next(type));
    return taken;
  }

  /** The close code, once closed. */
  async closed(): Promise<number> {
    while (this.closeCode === undefined) await once(this.#news, 'news');
    return this.closeCode;
  }

  /** Resolves when the relay has handled all that was sent before. */
  async settled(): Promise<void> {
    const fingerprint = new Uint8Array(randomBytes(32));
    this.send({ type: 'prekey-get', fingerprint });
    await this.next('prekey', (frame) => Buffer.from(frame.fingerprint).equals(fingerprint));
  }
}
