import type { Dial, Socket } from '../../src/client/effects.js';
import { equal, toHex } from '../../src/crypto/bytes.js';
import { ed25519Verify } from '../../src/crypto/ed25519.js';
import { sha256 } from '../../src/crypto/hash.js';
import {
  channelProofBytes,
  decodeClientFrame,
  encodeRelayFrame,
  MAX_ENVELOPE,
  MAX_INBOX_ENVELOPE,
  packFrames,
  unpackFrames,
  type Channel,
  type ClientFrame,
  type RelayFrame,
} from '../../src/protocol/wire.js';
import type { Chance } from './chance.js';
import type { Scope, VirtualTime } from './virtualTime.js';

type Frame<T extends ClientFrame['type']> = Extract<ClientFrame, { type: T }>;

export const RELAY_URL = 'ws://127.0.0.1:7447';
const ORIGIN = new URL(RELAY_URL).origin;
/** A frame is under way for up to this long, ms. */
const LATENCY = 30;
/** What the relay delays arrives within this time, ms. */
const DELAY = 40_000;

/** How likely the relay does each of these to one envelope and one reader, or to one publication. */
export interface Mischief {
  readonly drop: number;
  readonly delay: number;
  readonly duplicate: number;
  readonly flip: number;
  /** An envelope of another channel or an older one of this channel comes along. */
  readonly replay: number;
  /** Acknowledged and never stored; stored and never acknowledged. */
  readonly lose: number;
  readonly silent: number;
  /** Numbers are made up for each reader, so that nothing seems to be missing. */
  readonly lie: boolean;
}

export const GOOD: Mischief = {
  drop: 0,
  delay: 0,
  duplicate: 0,
  flip: 0,
  replay: 0,
  lose: 0,
  silent: 0,
  lie: false,
};

interface Item {
  readonly envelope: Uint8Array;
  /** The only ones it is shown to (hex fingerprints), while the relay helps whoever made it. */
  audience: ReadonlySet<string> | undefined;
}

interface Log {
  readonly channel: Channel;
  first: number;
  readonly items: Item[];
  /** Seq by sender and idempotency key. */
  readonly known: Map<string, number>;
}

interface Subscription {
  readonly log: Log;
  cursor: number;
  /** The next number it is told, where numbers are made up. */
  made: number;
  live: boolean;
}

/** The relay as the protocol sees it, good or bad, and behind it everything it was ever given. */
export class RelayModel {
  storeId: Uint8Array;
  mischief: Mischief = GOOD;
  /** Readers (hex fingerprints) it shows nothing to and takes nothing from. */
  readonly cutOff = new Set<string>();
  /** Channels (hex keys) where it takes nothing, with the time after which to try again, ms. */
  readonly refuses = new Map<string, number>();
  up = true;
  /** It made numbers up at some time, or hid something: what it says of them is worth nothing. */
  #lied = false;
  readonly #logs = new Map<string, Log>();
  readonly #prekeys = new Map<string, Uint8Array>();
  readonly #peers = new Set<Peer>();
  /** Channels of what it refused, in order. */
  readonly refused: string[] = [];
  /** Every envelope there ever was, with its channel. */
  readonly seen: { readonly channel: Channel; readonly envelope: Uint8Array }[] = [];

  constructor(
    readonly time: VirtualTime,
    readonly chance: Chance,
  ) {
    this.storeId = chance.bytes(32);
  }

  /** Misbehaves like this from now on. */
  turn(mischief: Mischief): void {
    this.mischief = mischief;
    if (mischief.lie) this.#lied = true;
  }

  /** From now on it does what it should, and everyone finds another store if this one was not what it seemed. */
  behave(): void {
    this.mischief = GOOD;
    this.cutOff.clear();
    this.up = true;
    for (const { items } of this.#logs.values()) for (const item of items) item.audience = undefined;
    if (this.#lied) this.storeId = this.chance.bytes(32);
    this.#lied = false;
    this.disconnect();
  }

  /** Everybody's connection ends; `forget`: and so does the store. */
  restart(forget: boolean): void {
    if (forget) {
      this.#logs.clear();
      this.#prekeys.clear();
      this.storeId = this.chance.bytes(32);
    }
    this.disconnect();
  }

  disconnect(): void {
    for (const peer of [...this.#peers]) peer.close();
  }

  /** Drops the oldest items of every channel, which readers are told. */
  trim(share: number): void {
    for (const log of this.#logs.values()) {
      const count = Math.floor(log.items.length * share);
      log.items.splice(0, count);
      log.first += count;
    }
  }

  /** Says this to everybody. */
  show(frame: RelayFrame): void {
    for (const peer of this.#peers) peer.send(frame);
  }

  readonly dial =
    (scope: Scope): Dial =>
    () =>
      new Promise((resolve, reject) => {
        scope.after(1 + this.chance.upTo(LATENCY), () => {
          if (!this.up) return reject(new Error('The relay can’t be reached.'));
          const peer = new Peer(this, scope);
          this.#peers.add(peer);
          resolve(peer.socket);
        });
      });

  remove(peer: Peer): void {
    this.#peers.delete(peer);
  }

  loggedIn(peer: Peer): void {
    for (const other of [...this.#peers])
      if (other !== peer && other.fingerprint === peer.fingerprint) {
        other.send({ type: 'goaway', reason: 'logged-in-elsewhere' });
        other.close();
      }
  }

  log(channel: Channel): Log {
    const key = `${channel.kind}${toHex(channel.key)}`;
    const known = this.#logs.get(key);
    if (known) return known;
    const log: Log = { channel: { ...channel }, first: 1, items: [], known: new Map() };
    this.#logs.set(key, log);
    return log;
  }

  prekey(fingerprint: string): Uint8Array {
    return this.#prekeys.get(fingerprint) ?? new Uint8Array(0);
  }

  putPrekey(fingerprint: string, prekey: Uint8Array): void {
    this.#prekeys.set(fingerprint, prekey);
  }

  /** Stores an envelope, whoever it is from; shown to all, or to an audience. */
  put(
    channel: Channel,
    envelope: Uint8Array,
    id: string,
    audience?: ReadonlySet<string>,
  ): { seq: number; duplicate: number } {
    const log = this.log(channel);
    const before = log.known.get(id);
    if (before !== undefined) return { seq: before, duplicate: 1 };
    log.items.push({ envelope, audience });
    if (audience) this.#lied = true;
    this.seen.push({ channel: log.channel, envelope });
    const seq = log.first + log.items.length - 1;
    log.known.set(id, seq);
    for (const peer of this.#peers) peer.wake(log);
    return { seq, duplicate: 0 };
  }
}

/** One connection. */
class Peer {
  readonly socket: Socket;
  fingerprint = '';
  #signKey: Uint8Array = new Uint8Array(0);
  readonly #nonce: Uint8Array;
  readonly #relayId = new Uint8Array(32).fill(7);
  readonly #proven = new Set<string>();
  readonly #subscriptions = new Map<string, Subscription>();
  #open = true;
  #outgoing: Uint8Array[] = [];
  #arrives = 0;
  #incoming = 0;

  constructor(
    private readonly relay: RelayModel,
    private readonly scope: Scope,
  ) {
    this.#nonce = relay.chance.bytes(32);
    this.socket = {
      onMessage: () => undefined,
      onClose: () => undefined,
      send: (data) => this.#receive(data),
      close: () => this.#gone(),
    };
  }

  #gone(): void {
    this.#open = false;
    this.relay.remove(this);
  }

  close(): void {
    if (!this.#open) return;
    this.#gone();
    this.scope.after(this.#later('#arrives'), () => this.socket.onClose('The connection ended.'));
  }

  /** When the next thing gets there: in order, whatever each takes. */
  #later(which: '#arrives' | '#incoming'): number {
    const { now } = this.relay.time;
    const before = which === '#arrives' ? this.#arrives : this.#incoming;
    const at = Math.max(before, now + 1 + this.relay.chance.upTo(LATENCY));
    if (which === '#arrives') this.#arrives = at;
    else this.#incoming = at;
    return at - now;
  }

  /** The way to the relay does not stop with the client: what was sent was sent. */
  #receive(data: Uint8Array): void {
    if (this.scope.over) return;
    const copy = data.slice();
    this.relay.time.scope().after(this.#later('#incoming'), () => {
      if (!this.#open) return;
      for (const frame of unpackFrames(copy)) this.#frame(decodeClientFrame(frame));
    });
  }

  send(frame: RelayFrame): void {
    if (!this.#open) return;
    if (this.#outgoing.push(encodeRelayFrame(frame)) > 1) return;
    queueMicrotask(() => {
      const frames = this.#outgoing;
      this.#outgoing = [];
      for (let i = 0; i < frames.length; i += 8) {
        const data = packFrames(frames.slice(i, i + 8));
        this.scope.after(this.#later('#arrives'), () => this.socket.onMessage(data));
      }
    });
  }

  #frame(frame: ClientFrame): void {
    const { relay } = this;
    const loggedIn = this.fingerprint !== '';
    if (frame.type === 'hello')
      return this.send({ type: 'challenge', nonce: this.#nonce, relayId: this.#relayId, expiresIn: 10_000 });
    if (frame.type === 'auth') {
      this.#signKey = frame.signKey;
      this.fingerprint = toHex(sha256(frame.signKey));
      relay.loggedIn(this);
      return this.send({
        type: 'ready',
        storeId: relay.storeId,
        maxEnvelope: MAX_ENVELOPE,
        maxInboxEnvelope: MAX_INBOX_ENVELOPE,
        credit: 1000,
        rate: 0,
        burst: 100,
      });
    }
    if (!loggedIn || relay.cutOff.has(this.fingerprint)) return;
    switch (frame.type) {
      case 'pub':
        if (this.#mayUse(frame.channel, frame.proof, frame.idempotencyKey))
          this.#publish(frame.channel, frame.idempotencyKey, frame.envelope);
        return;
      case 'mpub':
        for (const { inbox, idempotencyKey, envelope } of frame.entries)
          this.#publish({ kind: 'inbox', key: inbox }, idempotencyKey, envelope);
        return;
      case 'sub':
        return this.#subscribe(frame);
      case 'unsub':
        this.#subscriptions.delete(toHex(frame.channel.key));
        return;
      case 'received':
        return this.#received(frame);
      case 'prekey-put':
        return relay.putPrekey(this.fingerprint, frame.prekey);
      case 'prekey-get': {
        const prekey = relay.prekey(toHex(frame.fingerprint));
        return this.send({ type: 'prekey', fingerprint: frame.fingerprint, prekey });
      }
    }
  }

  #mayUse(channel: Channel, proof: Uint8Array, refused: Uint8Array): boolean {
    const id = toHex(channel.key);
    if (channel.kind === 'inbox') return true;
    const bytes = channelProofBytes(ORIGIN, this.#relayId, this.#nonce, this.#signKey);
    if (this.#proven.has(id) || ed25519Verify(channel.key, proof, bytes)) {
      this.#proven.add(id);
      return true;
    }
    this.send({ type: 'err', code: 'bad-proof', refused, retryAfter: 0, message: 'no' });
    return false;
  }

  #publish(channel: Channel, idempotencyKey: Uint8Array, envelope: Uint8Array): void {
    const { relay } = this;
    const { lose, silent } = relay.mischief;
    const retryAfter = relay.refuses.get(toHex(channel.key));
    if (retryAfter !== undefined) {
      relay.refused.push(toHex(channel.key));
      return this.send({
        type: 'err',
        code: 'inbox-full',
        refused: idempotencyKey,
        retryAfter,
        message: 'no',
      });
    }
    const id = `${this.fingerprint}${toHex(idempotencyKey)}`;
    const result = relay.chance.once(lose)
      ? { seq: relay.log(channel).first + relay.log(channel).items.length, duplicate: 0 }
      : relay.put(channel, envelope.slice(), id);
    if (!relay.chance.once(silent)) this.send({ type: 'ack', channel, idempotencyKey, ...result });
  }

  #subscribe({ channel, proof, storeId, from }: Frame<'sub'>): void {
    if (!this.#mayUse(channel, proof, channel.key)) return;
    if (channel.kind === 'inbox' && toHex(channel.key) !== this.fingerprint) return;
    const cursor = equal(storeId, this.relay.storeId) ? Math.max(1, from) : 1;
    const log = this.relay.log(channel);
    const subscription = { log, cursor, made: cursor, live: false };
    this.#subscriptions.set(toHex(channel.key), subscription);
    this.#deliver(subscription);
  }

  #received({ channel, seq }: Frame<'received'>): void {
    if (channel.kind !== 'inbox' || toHex(channel.key) !== this.fingerprint || this.relay.mischief.lie)
      return;
    const log = this.relay.log(channel);
    const count = Math.max(0, Math.min(seq + 1 - log.first, log.items.length));
    log.items.splice(0, count);
    log.first += count;
  }

  wake(log: Log): void {
    const subscription = this.#subscriptions.get(toHex(log.channel.key));
    if (subscription?.log === log) this.#deliver(subscription);
  }

  #deliver(subscription: Subscription): void {
    const { log } = subscription;
    const { channel } = log;
    if (this.relay.cutOff.has(this.fingerprint)) return;
    const last = log.first + log.items.length - 1;
    const from = Math.min(Math.max(subscription.cursor, log.first), last + 1);
    if (from !== subscription.cursor) this.send({ type: 'gap', channel, oldest: from });
    subscription.cursor = from;
    for (; subscription.cursor <= last; subscription.cursor++)
      this.#item(subscription, log.items[subscription.cursor - log.first]!);
    if (!subscription.live) {
      subscription.live = true;
      this.send({ type: 'live', channel, seq: last });
    }
  }

  #item(subscription: Subscription, { envelope, audience }: Item): void {
    if (audience && !audience.has(this.fingerprint)) return;
    const { chance, mischief, time, seen } = this.relay;
    const { channel } = subscription.log;
    const hand = (data: Uint8Array, seq = subscription.cursor) =>
      this.send({ type: 'item', channel, seq: mischief.lie ? subscription.made++ : seq, envelope: data });
    if (chance.once(mischief.replay)) {
      const other = chance.pick(seen.slice(-200));
      if (other) hand(other.envelope);
    }
    if (chance.once(mischief.flip)) {
      const flipped = envelope.slice();
      flipped[chance.upTo(flipped.length)]! ^= 1 << chance.upTo(8);
      hand(flipped);
      if (chance.once(0.5)) return;
    }
    if (chance.once(mischief.drop)) return;
    const seq = subscription.cursor;
    if (chance.once(mischief.delay)) time.scope().after(chance.upTo(DELAY), () => hand(envelope, seq));
    else hand(envelope);
    if (chance.once(mischief.duplicate)) hand(envelope);
  }
}
