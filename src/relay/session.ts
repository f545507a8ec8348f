import { MAX_INBOX_ENVELOPE, type Channel, type ClientFrame, type WireErrorCode } from '../protocol/wire.js';
import type { Context } from './context.js';
import type { Delivery } from './delivery.js';
import { errorFrame } from './frames.js';
import { asKey, channelKey, type ChannelKey } from './keys.js';
import { verifyProof, type Challenge } from './login.js';
import { Subscription } from './subscription.js';
import { TokenBucket } from '../shared/tokenBucket.js';

type Frame<T extends ClientFrame['type']> = Extract<ClientFrame, { type: T }>;
export type SessionFrame = Exclude<ClientFrame, Frame<'hello'> | Frame<'auth'>>;
type Post = Omit<Frame<'pub'>, 'type' | 'proof'>;

/** Why a retry of what a full inbox or store refused is not worth it sooner, ms. */
const RETRY_FULL = 60_000;

/** What someone who is logged in may do, on one connection. */
export class Session {
  /** Group channels proven on this connection, and all that are read. */
  readonly #channels = new Map<ChannelKey, Subscription | undefined>();
  readonly #login: string;
  readonly #publishing: TokenBucket;
  /** A proof takes milliseconds to check: as many at once as a connection has channels, then at the same rate. */
  readonly #proving: TokenBucket;

  constructor(
    private readonly challenge: Challenge,
    private readonly signKey: Uint8Array,
    readonly fingerprint: Uint8Array,
    private readonly delivery: Delivery,
    private readonly context: Context,
  ) {
    const { rate, burst, channels } = context.limits;
    this.#login = asKey(fingerprint);
    this.#publishing = new TokenBucket(rate, burst, context.clock);
    this.#proving = new TokenBucket(rate, channels, context.clock);
  }

  /** Ends its subscriptions. */
  end(): void {
    for (const subscription of this.#channels.values()) this.#unsubscribe(subscription);
    this.#channels.clear();
  }

  handle(frame: SessionFrame): void {
    switch (frame.type) {
      case 'pub':
        return this.#pub(frame);
      case 'mpub':
        return this.#mpub(frame);
      case 'sub':
        return this.#sub(frame);
      case 'unsub':
        this.#unsubscribe(this.#channels.get(channelKey(frame.channel)));
        this.#channels.delete(channelKey(frame.channel));
        return;
      case 'received':
        return this.#receivedUpTo(frame);
      case 'prekey-put':
        if (this.#mayPublish([this.fingerprint]) && !this.context.store.putPrekey(this.#login, frame.prekey))
          this.#refuse('store-full', this.fingerprint, RETRY_FULL);
        return;
      case 'prekey-get': {
        const prekey = this.context.store.prekey(asKey(frame.fingerprint)) ?? new Uint8Array(0);
        return this.delivery.answer({ type: 'prekey', fingerprint: frame.fingerprint, prekey });
      }
    }
  }

  #pub({ channel, proof, idempotencyKey, envelope }: Frame<'pub'>): void {
    if (!this.#mayPublish([idempotencyKey])) return;
    if (channel.kind === 'inbox') {
      if (envelope.length > MAX_INBOX_ENVELOPE) return this.#refuse('too-large', idempotencyKey);
    } else if (!this.#proven(channel, proof, idempotencyKey)) return;
    void this.#post({ channel, idempotencyKey, envelope });
  }

  #mpub({ entries }: Frame<'mpub'>): void {
    if (!this.#mayPublish(entries.map((entry) => entry.idempotencyKey))) return;
    for (const { inbox, idempotencyKey, envelope } of entries)
      void this.#post({ channel: { kind: 'inbox', key: inbox }, idempotencyKey, envelope });
  }

  async #post({ channel, idempotencyKey, envelope }: Post): Promise<void> {
    const result = await this.context.store.put({ channel, sender: this.#login, idempotencyKey, envelope });
    if ('refused' in result) return this.#refuse(result.refused, idempotencyKey, RETRY_FULL);
    this.delivery.answer({ type: 'ack', channel, idempotencyKey, ...result });
    this.context.hub.wake(channelKey(channel));
  }

  #sub({ channel, proof, storeId, from }: Frame<'sub'>): void {
    if (channel.kind === 'group' ? !this.#proven(channel, proof, channel.key) : !this.#owns(channel)) return;
    const key = channelKey(channel);
    if (!this.#channels.has(key) && this.#channels.size >= this.context.limits.channels)
      return this.#refuse('too-many-channels', channel.key);
    this.#unsubscribe(this.#channels.get(key));
    const known = asKey(storeId) === asKey(this.context.store.ids.storeId);
    const copy = { kind: channel.kind, key: channel.key.slice() };
    const subscription = new Subscription(copy, key, known ? from : 1, this.context.limits.credit);
    this.#channels.set(key, subscription);
    this.context.hub.subscribe(subscription, this.delivery);
  }

  #receivedUpTo({ channel, seq }: Frame<'received'>): void {
    if (channel.kind === 'inbox' && !this.#owns(channel)) return;
    const key = channelKey(channel);
    const subscription = this.#channels.get(key);
    subscription?.received(seq);
    if (channel.kind === 'inbox') this.context.store.drop(key, seq);
    if (subscription !== undefined) this.delivery.wake(subscription);
  }

  #unsubscribe(subscription: Subscription | undefined): void {
    if (subscription === undefined) return;
    this.context.hub.unsubscribe(subscription);
    this.delivery.forget(subscription);
  }

  #owns(inbox: Channel): boolean {
    if (asKey(inbox.key) === this.#login) return true;
    this.#refuse('not-yours', inbox.key);
    return false;
  }

  /** Whether the group channel was proven on this connection, or is now. */
  #proven(channel: Channel, proof: Uint8Array, refused: Uint8Array): boolean {
    const key = channelKey(channel);
    if (this.#channels.has(key)) return true;
    const wait = this.#proving.take();
    if (wait > 0) this.#refuse('slow-down', refused, wait);
    else if (this.#channels.size >= this.context.limits.channels) this.#refuse('too-many-channels', refused);
    else if (!verifyProof(this.challenge, this.signKey, channel, proof)) this.#refuse('bad-proof', refused);
    else this.#channels.set(key, undefined);
    return this.#channels.has(key);
  }

  /** Counts a frame; `refused` are the keys that are told if it is one too many. */
  #mayPublish(refused: readonly Uint8Array[]): boolean {
    const wait = this.#publishing.take();
    if (wait > 0) for (const key of refused) this.#refuse('slow-down', key, wait);
    return wait === 0;
  }

  #refuse(code: WireErrorCode, refused: Uint8Array, retryAfter = 0): void {
    this.delivery.answer(errorFrame(code, refused, retryAfter));
  }
}
