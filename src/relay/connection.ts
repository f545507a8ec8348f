import type { WebSocket } from 'ws';
import { ProtocolError } from '../protocol/errors.js';
import {
  decodeClientFrame,
  MAX_ENVELOPE,
  MAX_INBOX_ENVELOPE,
  NONCE_BYTES,
  unpackFrames,
  WIRE_VERSION,
  type ClientFrame,
  type GoawayReason,
  type RelayFrame,
  type WireErrorCode,
} from '../protocol/wire.js';
import type { Context } from './context.js';
import { Delivery } from './delivery.js';
import { errorFrame } from './frames.js';
import type { Peer } from './hub.js';
import { asKey } from './keys.js';
import { short } from './log.js';
import { verifyLogin, type Challenge } from './login.js';
import { Session } from './session.js';

/** WebSocket close codes (RFC 6455, 7.4.1, and IANA's registry). */
const CLOSE = { goingAway: 1001, protocolError: 1002, policy: 1008, internal: 1011, tryLater: 1013 } as const;
const GOAWAY_CLOSE: Readonly<Record<GoawayReason, number>> = {
  'shutting-down': CLOSE.goingAway,
  'logged-in-elsewhere': CLOSE.policy,
  'too-slow': CLOSE.tryLater,
  idle: CLOSE.policy,
};
/** How long a close may take before the connection is cut, ms. */
const CLOSE_TIMEOUT = 10_000;

/** One WebSocket: login, then a session, and what ends them. */
export class Connection implements Peer {
  readonly #delivery: Delivery;
  readonly #openedAt: number;
  #heardAt: number;
  #pingedAt: number | undefined;
  #endedAt: number | undefined;
  #challenge: Challenge | undefined;
  #session: Session | undefined;

  /** `origin`: what the peer dialled. */
  constructor(
    private readonly socket: WebSocket,
    private readonly origin: string,
    private readonly context: Context,
  ) {
    this.#openedAt = this.#heardAt = context.clock();
    this.#delivery = new Delivery(socket, context, () => this.goAway('too-slow'));
    context.hub.peers.add(this);
    socket.on('message', (data: Buffer) => this.#message(data));
    socket.on('pong', () => this.#heard());
    // ws closes by itself what breaks RFC 6455 or the size limit.
    socket.on('error', (error: Error & { code?: string }) => this.#release(error.code ?? error.name));
    socket.on('close', (code) => {
      this.#release(`closed ${code}`);
      context.hub.peers.delete(this);
    });
  }

  goAway(reason: GoawayReason): void {
    this.#end({ type: 'goaway', reason }, GOAWAY_CLOSE[reason], reason);
  }

  tick(): void {
    const { limits, clock } = this.context;
    const now = clock();
    const since = (time: number | undefined) => (time === undefined ? 0 : now - time);
    if (since(this.#endedAt) >= CLOSE_TIMEOUT || since(this.#pingedAt) >= limits.pong)
      this.socket.terminate();
    else if (this.#delivery.tooSlow) this.goAway('too-slow');
    else if (this.#session === undefined && since(this.#openedAt) >= limits.login) this.goAway('idle');
    else if (this.#pingedAt === undefined && since(this.#heardAt) >= limits.ping && this.#delivery.written) {
      this.#pingedAt = now;
      this.socket.ping();
    }
  }

  #heard(): void {
    this.#heardAt = this.context.clock();
    this.#pingedAt = undefined;
  }

  #message(data: Buffer): void {
    this.#heard();
    try {
      if (data.length === 0) throw new ProtocolError('malformed', 'An empty message.');
      for (const frame of unpackFrames(data)) {
        if (this.#endedAt !== undefined) return;
        this.#handle(decodeClientFrame(frame));
      }
    } catch (error) {
      if (error instanceof ProtocolError) this.#refuse('malformed', CLOSE.protocolError);
      else this.#refuse('internal', CLOSE.internal);
    }
  }

  #handle(frame: ClientFrame): void {
    if (frame.type === 'hello') this.#hello(frame.version);
    else if (frame.type === 'auth') this.#auth(frame.signKey.slice(), frame.signature);
    else if (this.#session === undefined) this.#refuse('not-logged-in', CLOSE.policy);
    else this.#session.handle(frame);
  }

  #hello(version: number): void {
    if (version !== WIRE_VERSION || this.#challenge !== undefined)
      return this.#refuse('malformed', CLOSE.protocolError);
    const { random, store, limits, clock } = this.context;
    this.#challenge = { origin: this.origin, relayId: store.ids.relayId, nonce: random(NONCE_BYTES) };
    const expiresIn = Math.max(0, this.#openedAt + limits.login - clock());
    this.#delivery.answer({
      type: 'challenge',
      relayId: store.ids.relayId,
      nonce: this.#challenge.nonce,
      expiresIn,
    });
  }

  #auth(signKey: Uint8Array, signature: Uint8Array): void {
    const { store, hub, limits, clock, log } = this.context;
    if (this.#challenge === undefined || this.#session !== undefined)
      return this.#refuse('malformed', CLOSE.protocolError);
    const expired = clock() - this.#openedAt >= limits.login;
    const fingerprint = expired ? undefined : verifyLogin(this.#challenge, signKey, signature);
    if (fingerprint === undefined) return this.#refuse('login-refused', CLOSE.policy);
    hub.login(asKey(fingerprint), this);
    this.#session = new Session(this.#challenge, signKey, fingerprint, this.#delivery, this.context);
    log('login', { id: short(fingerprint) });
    this.#delivery.answer({
      type: 'ready',
      storeId: store.ids.storeId,
      maxEnvelope: MAX_ENVELOPE,
      maxInboxEnvelope: MAX_INBOX_ENVELOPE,
      credit: limits.credit,
      rate: limits.rate,
      burst: limits.burst,
    });
  }

  #refuse(code: WireErrorCode, close: number): void {
    this.#end(errorFrame(code), close, code);
  }

  /** Says why and closes; whatever still comes in is ignored. */
  #end(last: RelayFrame, close: number, why: string): void {
    if (this.#endedAt !== undefined) return;
    this.#release(why);
    this.#delivery.finish(last);
    this.socket.close(close);
  }

  /** Ends the session, once. */
  #release(why: string): void {
    if (this.#endedAt !== undefined) return;
    this.#endedAt = this.context.clock();
    this.#session?.end();
    if (this.#session !== undefined) this.context.hub.logout(asKey(this.#session.fingerprint), this);
    this.context.log('ended', {
      id: this.#session === undefined ? '-' : short(this.#session.fingerprint),
      why,
    });
  }
}
