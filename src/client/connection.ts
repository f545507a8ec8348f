import { toHex } from '../crypto/bytes.js';
import { ed25519Public, ed25519Sign } from '../crypto/ed25519.js';
import { signPss } from '../crypto/rsa.js';
import type { Identity } from '../protocol/identity.js';
import {
  channelProofBytes,
  decodeRelayFrame,
  encodeClientFrame,
  loginParts,
  MAX_PAYLOAD,
  packFrames,
  unpackFrames,
  WIRE_VERSION,
  type Channel,
  type ClientFrame,
  type RelayFrame,
} from '../protocol/wire.js';
import { nextState, type ConnectionEvent, type ConnectionState } from './connectionState.js';
import type { Effects, Socket } from './effects.js';

/** Time for the relay to finish the login, and to answer about a prekey, ms. */
const LOGIN_TIMEOUT = 10_000;
const PREKEY_TIMEOUT = 3_000;
/** Time for the relay to say that it has stored an envelope, or not, ms. */
const PUBLISH_TIMEOUT = 60_000;

/** A channel with what it takes to use it: the seed of a group channel's Ed25519 key. */
export interface ChannelAccess {
  readonly channel: Channel;
  readonly seed?: Uint8Array;
}

export const groupChannel = (seed: Uint8Array): ChannelAccess => ({
  channel: { kind: 'group', key: ed25519Public(seed) },
  seed,
});

/** Why a publication did not go through; `retryAfter` (ms) if trying again later is worth it. */
export class PublishError extends Error {
  override readonly name = 'PublishError';
  constructor(
    readonly code: string,
    readonly retryAfter: number,
    message: string,
  ) {
    super(message);
  }
}

/** What the relay says of itself after login. */
export type Ready = RelayFrame & { readonly type: 'ready' };

export interface ConnectionHandlers {
  state(state: ConnectionState): void;
  ready(ready: Ready): void;
  item(channel: Channel, seq: number, envelope: Uint8Array): void;
  live(channel: Channel): void;
  gap(channel: Channel, oldest: number): void;
  /** The relay's clock is ahead of this one by so many ms. */
  clock(ahead: number): void;
}

/** One participant's connection: dials, logs in, frames, and dials again. It keeps no state of the session. */
export class Connection {
  #state: ConnectionState = { name: 'idle' };
  #socket: Socket | undefined;
  #cancelTimer: () => void = () => undefined;
  #challenge: { origin: string; relayId: Uint8Array; nonce: Uint8Array } | undefined;
  #outgoing: Uint8Array[] = [];
  readonly #proven = new Set<string>();
  readonly #publishing = new Map<
    string,
    { resolve: (seq: number) => void; reject: (e: PublishError) => void; cancel: () => void }
  >();
  readonly #asking = new Map<string, (prekey: Uint8Array | undefined) => void>();

  constructor(
    private readonly identity: Identity,
    private readonly effects: Effects,
    private readonly handlers: ConnectionHandlers,
  ) {}

  get state(): ConnectionState {
    return this.#state;
  }

  #is(name: ConnectionState['name']): boolean {
    return this.#state.name === name;
  }

  /** Dials now, whatever it was waiting for. */
  connect(): void {
    if (this.#socket || this.#state.name === 'dialling') return;
    this.#cancelTimer();
    void this.#dial();
  }

  stop(): void {
    this.#enter({ type: 'stop' });
    this.#drop('The session was closed.');
  }

  /** Resolves with the seq once the relay has stored it; rejects with PublishError. */
  publish(access: ChannelAccess, idempotencyKey: Uint8Array, envelope: Uint8Array): Promise<number> {
    if (this.#state.name !== 'online') return Promise.reject(offline());
    return new Promise((resolve, reject) => {
      const cancel = this.effects.clock.after(PUBLISH_TIMEOUT, () => {
        if (this.#socket) this.#lost(this.#socket, 'The relay does not answer.');
      });
      this.#publishing.set(toHex(idempotencyKey), { resolve, reject, cancel });
      if (access.channel.kind === 'inbox') {
        this.#send({ type: 'mpub', entries: [{ inbox: access.channel.key, idempotencyKey, envelope }] });
      } else {
        const { channel } = access;
        this.#send({ type: 'pub', channel, proof: this.#proof(access), idempotencyKey, envelope });
      }
    });
  }

  subscribe(access: ChannelAccess, storeId: Uint8Array, from: number): void {
    this.#send({ type: 'sub', channel: access.channel, proof: this.#proof(access), storeId, from });
  }

  unsubscribe(channel: Channel): void {
    this.#send({ type: 'unsub', channel });
  }

  /** Everything up to seq is stored here. */
  received(channel: Channel, seq: number): void {
    this.#send({ type: 'received', channel, seq });
  }

  putPrekey(prekey: Uint8Array): void {
    this.#send({ type: 'prekey-put', prekey });
  }

  /** The directory's prekey of a participant; undefined if it has none, is offline or slow. Not verified. */
  getPrekey(fingerprint: Uint8Array): Promise<Uint8Array | undefined> {
    if (this.#state.name !== 'online') return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const id = toHex(fingerprint);
      const cancel = this.effects.clock.after(PREKEY_TIMEOUT, () => answer(undefined));
      const answer = (prekey: Uint8Array | undefined) => {
        cancel();
        this.#asking.delete(id);
        resolve(prekey);
      };
      this.#asking.get(id)?.(undefined);
      this.#asking.set(id, answer);
      this.#send({ type: 'prekey-get', fingerprint });
    });
  }

  async #dial(): Promise<void> {
    let url: string | undefined;
    try {
      url = await this.effects.relayAddress();
      if (this.#is('dialling') || this.#is('stopped') || this.#socket) return;
      if (url === undefined) throw new Error('No relay is running here.');
      this.#enter({ type: 'dial', url });
      const socket = await this.effects.dial(url);
      if (!this.#is('dialling')) return socket.close();
      this.#socket = socket;
      socket.onMessage = (data) => this.#message(socket, data);
      socket.onClose = (reason) => this.#lost(socket, reason);
      this.#enter({ type: 'opened' });
      if (socket.date !== undefined) this.handlers.clock(socket.date - this.effects.clock.now());
      this.#cancelTimer = this.effects.clock.after(LOGIN_TIMEOUT, () =>
        this.#lost(socket, 'The relay does not answer.'),
      );
      this.#send({ type: 'hello', version: WIRE_VERSION });
    } catch (error) {
      this.#fail((error as Error).message);
    }
  }

  #message(socket: Socket, data: Uint8Array): void {
    if (socket !== this.#socket) return;
    try {
      for (const frame of unpackFrames(data)) {
        this.#frame(decodeRelayFrame(frame));
        if (socket !== this.#socket) return;
      }
    } catch (error) {
      this.effects.log(`relay frame refused: ${(error as Error).message}`);
      this.#lost(socket, 'What answers there is not a Secure Chat relay.');
    }
  }

  #frame(frame: RelayFrame): void {
    if (this.#state.name === 'logging-in') {
      if (frame.type === 'challenge') return this.#login(frame.relayId, frame.nonce);
      if (frame.type === 'ready' && this.#challenge) {
        this.#cancelTimer();
        this.#enter({ type: 'ready' });
        return this.handlers.ready(frame);
      }
    }
    switch (frame.type) {
      case 'item':
        return this.handlers.item(frame.channel, frame.seq, frame.envelope);
      case 'live':
        return this.handlers.live(frame.channel);
      case 'gap':
        return this.handlers.gap(frame.channel, frame.oldest);
      case 'ack':
        return this.#settle(frame.idempotencyKey, (waiting) => waiting.resolve(frame.seq));
      case 'prekey':
        return this.#asking.get(toHex(frame.fingerprint))?.(
          frame.prekey.length > 0 ? frame.prekey : undefined,
        );
      case 'goaway':
        return this.#goneAway(frame.reason);
      case 'err':
        this.effects.log(`relay: ${frame.code}`);
        return this.#settle(frame.refused, (waiting) =>
          waiting.reject(new PublishError(frame.code, frame.retryAfter, frame.message)),
        );
      default:
        throw new Error(`unexpected ${frame.type}`);
    }
  }

  /** The origin is the one dialled here, never what the other side says. */
  #login(relayId: Uint8Array, nonce: Uint8Array): void {
    if (this.#state.name !== 'logging-in' || this.#challenge) throw new Error('unexpected challenge');
    const { origin } = new URL(this.#state.url);
    const signKey = this.identity.card.signSpki;
    this.#challenge = { origin, relayId, nonce };
    const signature = signPss(this.identity.signKey, ...loginParts(origin, relayId, nonce, signKey));
    this.#send({ type: 'auth', signKey, signature });
  }

  /** Empty for an inbox, and for a channel already proven on this connection. */
  #proof({ channel, seed }: ChannelAccess): Uint8Array {
    const id = toHex(channel.key);
    if (!seed || !this.#challenge || this.#proven.has(id)) return new Uint8Array(0);
    this.#proven.add(id);
    const { origin, relayId, nonce } = this.#challenge;
    return ed25519Sign(seed, channelProofBytes(origin, relayId, nonce, this.identity.card.signSpki));
  }

  #goneAway(reason: string): void {
    if (reason === 'logged-in-elsewhere') {
      this.#enter({ type: 'displaced' });
      this.#drop('This participant logged in from another place.');
    } else if (this.#socket) this.#lost(this.#socket, 'The relay was stopped.');
  }

  #settle(
    id: Uint8Array,
    use: (waiting: { resolve: (n: number) => void; reject: (e: PublishError) => void }) => void,
  ) {
    const waiting = this.#publishing.get(toHex(id));
    this.#publishing.delete(toHex(id));
    waiting?.cancel();
    if (waiting) use(waiting);
  }

  /** Frames of one tick leave in as few WebSocket messages as fit. */
  #send(frame: ClientFrame): void {
    const encoded = encodeClientFrame(frame);
    if (this.#outgoing.push(encoded) === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    const frames = this.#outgoing;
    this.#outgoing = [];
    let batch: Uint8Array[] = [];
    let size = 0;
    for (const frame of frames) {
      if (size + frame.length + 4 > MAX_PAYLOAD) {
        this.#socket?.send(packFrames(batch));
        batch = [];
        size = 0;
      }
      batch.push(frame);
      size += frame.length + 4;
    }
    if (batch.length > 0) this.#socket?.send(packFrames(batch));
  }

  #lost(socket: Socket, reason: string): void {
    if (socket !== this.#socket) return;
    this.#drop(reason);
    this.#fail(reason);
  }

  #fail(reason: string): void {
    this.#enter({ type: 'failed', reason, random: (this.effects.random(1)[0] ?? 0) / 256 });
    if (this.#state.name !== 'waiting') return;
    this.#cancelTimer = this.effects.clock.after(this.#state.delay, () => void this.#dial());
  }

  #drop(reason: string): void {
    this.#cancelTimer();
    const socket = this.#socket;
    this.#socket = undefined;
    this.#challenge = undefined;
    this.#outgoing = [];
    this.#proven.clear();
    socket?.close();
    for (const { reject, cancel } of this.#publishing.values()) {
      cancel();
      reject(offline(reason));
    }
    this.#publishing.clear();
    for (const answer of [...this.#asking.values()]) answer(undefined);
  }

  #enter(event: ConnectionEvent): void {
    const before = this.#state;
    this.#state = nextState(before, event);
    if (this.#state !== before) this.handlers.state(this.#state);
  }
}

const offline = (reason = 'The relay is not connected.') => new PublishError('offline', 0, reason);
