import { equal } from '../crypto/bytes.js';
import { ProtocolError } from '../protocol/errors.js';
import type { Item } from './channelLog.js';
import { asKey, type ChannelKey } from './keys.js';
import { decodeRecord, type StoreRecord } from './records.js';
import type { Store, StoreIds } from './store.js';

function damaged(what: string): never {
  throw new ProtocolError('malformed', `The journal is damaged: ${what}.`);
}

/** Rebuilds a store from its journal files, oldest first. Throws ProtocolError 'malformed' if they don't fit together. */
export class Replay {
  #ids: StoreIds | undefined;
  readonly #items = new Map<ChannelKey, Map<number, Item>>();
  readonly #dropped = new Map<ChannelKey, number>();
  readonly #prekeys = new Map<string, Uint8Array>();

  /** Undefined as long as there was no record. */
  get ids(): StoreIds | undefined {
    return this.#ids;
  }

  /** The records of one file. Those of a channel may come in any order. */
  add(records: readonly Uint8Array[]): void {
    for (const [i, data] of records.entries()) {
      const record = decodeRecord(data);
      if ((i === 0) !== (record.type === 'opened')) damaged('a file does not start as it should');
      this.#add(record);
    }
  }

  into(store: Store): void {
    for (const [fingerprint, prekey] of this.#prekeys) store.restorePrekey(fingerprint, prekey);
    for (const [key, items] of this.#items) {
      const dropped = this.#dropped.get(key) ?? 0;
      const sorted = [...items].sort(([a], [b]) => a - b);
      const gone = sorted.filter(([seq]) => seq <= dropped);
      const kept = sorted.slice(gone.length);
      if (kept.some(([seq], i) => seq !== dropped + 1 + i)) damaged('envelopes are missing');
      store.restore(
        key,
        dropped,
        gone,
        kept.map(([, item]) => item),
      );
    }
  }

  #add(record: StoreRecord): void {
    if (record.type === 'opened') {
      const { relayId, storeId } = record;
      this.#ids ??= { relayId: relayId.slice(), storeId: storeId.slice() };
      if (!equal(storeId, this.#ids.storeId)) damaged('a file is of another store');
    } else if (record.type === 'prekey') this.#prekeys.set(asKey(record.fingerprint), record.prekey.slice());
    else {
      const key = asKey(record.channel) as ChannelKey;
      const items = this.#items.get(key) ?? new Map<number, Item>();
      this.#items.set(key, items);
      if (record.type === 'dropped')
        this.#dropped.set(key, Math.max(record.upTo, this.#dropped.get(key) ?? 0));
      else items.set(record.seq, { packed: record.packed.slice(), id: asKey(record.id), time: record.time });
    }
  }
}
