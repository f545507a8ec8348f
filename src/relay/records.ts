import { bytes, decode, encode, struct, uint, variant, type Variant } from '../protocol/codec.js';
import { IDEMPOTENCY_BYTES, MAX_ENVELOPE, MAX_PREKEY } from '../protocol/wire.js';

interface Records {
  /** First in every journal file. */
  opened: { version: number; relayId: Uint8Array; storeId: Uint8Array };
  /** `packed` is the ITEM frame as readers get it; empty: the item is gone, its idempotency key still counts. */
  item: { channel: Uint8Array; seq: number; id: Uint8Array; time: number; packed: Uint8Array };
  dropped: { channel: Uint8Array; upTo: number };
  prekey: { fingerprint: Uint8Array; prekey: Uint8Array };
}

/** What the relay's journal holds. Channel and id are the bytes of the store's own keys. */
export type StoreRecord = Variant<Records>;

/** The length, tag, kind, key, seq and envelope header of the longest ITEM frame fit in this many bytes. */
const ITEM_FRAME_OVERHEAD = 64;
const MAX_RECORD = MAX_ENVELOPE + 4 * ITEM_FRAME_OVERHEAD;

const channel = bytes(33);
const storeRecord = variant<Records>({
  opened: [1, struct({ version: uint(1, 1), relayId: bytes(32), storeId: bytes(32) })],
  item: [
    2,
    struct({
      channel,
      seq: uint(),
      id: bytes(32 + IDEMPOTENCY_BYTES),
      time: uint(),
      packed: bytes(0, MAX_ENVELOPE + ITEM_FRAME_OVERHEAD),
    }),
  ],
  dropped: [3, struct({ channel, upTo: uint() })],
  prekey: [4, struct({ fingerprint: bytes(32), prekey: bytes(1, MAX_PREKEY) })],
});

export const encodeRecord = (record: StoreRecord): Uint8Array => encode(storeRecord, record);
/** Throws ProtocolError 'malformed'. */
export const decodeRecord = (data: Uint8Array): StoreRecord => decode(storeRecord, data, MAX_RECORD);
