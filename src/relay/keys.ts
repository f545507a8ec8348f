import type { Channel } from '../protocol/wire.js';

/** Bytes as a Map key: one character a byte. */
export const asKey = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');

export const fromKey = (key: string): Uint8Array => Buffer.from(key, 'latin1');

/** The name of a channel in the store: its kind, then its key. */
export type ChannelKey = string & { readonly brand: 'ChannelKey' };

export const channelKey = ({ kind, key }: Channel): ChannelKey =>
  `${kind.charAt(0)}${asKey(key)}` as ChannelKey;

export const kindOf = (key: ChannelKey): Channel['kind'] => (key.startsWith('i') ? 'inbox' : 'group');
