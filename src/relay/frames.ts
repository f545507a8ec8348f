import { encodeRelayFrame, packFrames, type RelayFrame, type WireErrorCode } from '../protocol/wire.js';

/** A frame as it goes into a WebSocket message; several of them joined are one message. */
export const pack = (frame: RelayFrame): Uint8Array => packFrames([encodeRelayFrame(frame)]);

const SENTENCES: Readonly<Record<WireErrorCode, string>> = {
  malformed: 'The relay did not understand this.',
  'login-refused': 'The relay refused the login: its signature, key or address is not right.',
  'not-logged-in': 'Log in first.',
  'bad-proof': 'The proof for this channel is not right.',
  'not-yours': 'Only its owner may do this with an inbox.',
  'too-large': 'The envelope is too large for an inbox.',
  'inbox-full': 'Too many of your envelopes wait unread in this inbox. Try again when they were read.',
  'store-full': 'The relay is full. Try again later, or ask who runs it.',
  'too-many-channels': 'Too many channels on one connection.',
  'slow-down': 'Too many messages at once. Try again in a moment.',
  internal: 'Something went wrong in the relay.',
};

const NOTHING = new Uint8Array(0);

/** `refused`: the idempotency or channel key of what is answered; `retryAfter` in ms, 0 if that would not help. */
export const errorFrame = (
  code: WireErrorCode,
  refused: Uint8Array = NOTHING,
  retryAfter = 0,
): RelayFrame => ({
  type: 'err',
  code,
  refused,
  retryAfter,
  message: SENTENCES[code],
});
