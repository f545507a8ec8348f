import type { Trust } from '../shared/view.js';

/**
 * The replay database: what must survive a crash so that nothing is accepted twice, sent twice or lost. Every change
 * is a row put or dropped; a journal record is the list of changes that one event makes.
 */
type Bytes = Uint8Array;

export interface Tables {
  /** Single values: drafts, and revocations that their owners signed. */
  meta: { key: string; value: Bytes };
  contact: { fingerprint: Bytes; card: Bytes; trust: Trust; added: number };
  /** Cards of members, by hash, who are contacts by another card of the same key, or none. */
  card: { hash: Bytes; card: Bytes };
  /** Own prekeys. `used` and `replaced` in ms, 0 until then. */
  prekey: { id: Bytes; seed: Bytes; signed: Bytes; created: number; used: number; replaced: number };
  /** Join tokens seen, by hash, until `expires` (ms). */
  token: { hash: Bytes; expires: number };
  /** Inbox items dated in the future, until their time (ms). */
  held: { hash: Bytes; envelope: Bytes; until: number };
  /**
   * A join token that passed its checks, by hash, with its secret; `welcome` is empty until it was fetched, and then
   * Accept or Decline is awaited, each until `expires` (ms).
   */
  invitation: {
    id: Bytes;
    token: Bytes;
    card: Bytes;
    joiner: Bytes;
    welcome: Bytes;
    sent: number;
    expires: number;
  };
  chat: {
    id: Bytes;
    title: string;
    epoch: number;
    /**
     * declined: kept until the others were told; leaving: until a commit removes me; left, removed: read only; stopped:
     * nobody is left to bring this participant back.
     */
    state: 'active' | 'declined' | 'leaving' | 'left' | 'removed';
    /** Why this participant can't follow the group (rejoin.ts), else empty, and when it last asked to rejoin (ms). */
    lost: '' | 'no-token' | 'bad-secret' | 'gap' | 'away' | 'rolled-back' | 'damaged';
    asked: number;
    /** Users' messages in the present epoch: when to renew. */
    count: number;
    /** Position of the newest history entry, and of the newest one read. */
    position: number;
    read_position: number;
    unread: number;
  };
  /**
   * One epoch of one group as this participant knows it. `place` is the own place in the roster. `cut` holds 2 bytes for
   * each place, or nothing while the epoch is the newest; `opened` and `closed` in ms.
   */
  epoch: {
    chat: Bytes;
    epoch: number;
    commit: Bytes;
    place: number;
    init: Bytes;
    channel_seed: Bytes;
    seal_key: Bytes;
    cut: Bytes;
    opened: number;
    closed: number;
  };
  /** The commit that follows the newest epoch, until its secret and its new members' cards are here. */
  next: { chat: Bytes; commit: Bytes; at: number };
  /** My own commit, until it is known which one won. `secret` is the commit secret. */
  own: { chat: Bytes; commit: Bytes; secret: Bytes };
  /** Commit secrets out of rekey tokens, by who sent them (fingerprint), until their epoch is decided. */
  rekey: {
    chat: Bytes;
    epoch: number;
    commit_hash: Bytes;
    sender: Bytes;
    secret: Bytes;
    welcome_hash: Bytes;
    at: number;
  };
  /** What is still to be committed, by me when `due` (ms) if nobody else does; `data` by kind. */
  intent: {
    chat: Bytes;
    kind: 'add' | 'remove' | 'leave' | 'admin' | 'member' | 'title' | 'renew' | 'rejoin' | 'invite';
    fingerprint: Bytes;
    data: Bytes;
    due: number;
  };
  /** Messages shown, by sender and id, with a hash of their content: none is shown twice, none replaced. */
  shown: { chat: Bytes; sender: Bytes; id: Bytes; digest: Bytes; at: number };
  /** Others' signed messages, to be published again for who lacks them. */
  kept: { chat: Bytes; epoch: number; place: number; sqn: number; message: Bytes };
  /** Two signed objects that contradict each other. */
  evidence: { chat: Bytes; hash: Bytes; at: number; one: Bytes; other: Bytes };
  /** How far a channel was read: the highest seq whose effects are stored, under the relay store it counts in. */
  position: { channel: Bytes; store_id: Bytes; seq: number };
  /**
   * A place of an epoch's roster. `chain` gives the key of SQN `next_sqn`; `last_hash` is the hash of SQN next_sqn − 1;
   * everything up to `complete_sqn` was accepted. For the own place next_sqn is the send SQN.
   */
  member: {
    chat: Bytes;
    epoch: number;
    place: number;
    fingerprint: Bytes;
    role: 'admin' | 'member';
    card_hash: Bytes;
    chain: Bytes;
    next_sqn: number;
    complete_sqn: number;
    last_hash: Bytes;
    /** present: a valid signature of this epoch is known; for the own place, stored by the relay. */
    presence: 'invited' | 'present' | 'left';
  };
  /** SQNs used up, with the hash of the message that did. */
  accepted: { chat: Bytes; epoch: number; place: number; sqn: number; hash: Bytes };
  /** Message keys of SQNs that were jumped over; `hash` is what the next message says of this one, or empty. */
  skipped: { chat: Bytes; epoch: number; place: number; sqn: number; message_key: Bytes; hash: Bytes };
  /** The highest gap-free SQN of `of_place` that `by_place` says it holds. */
  frontier: { chat: Bytes; epoch: number; by_place: number; of_place: number; sqn: number; hash: Bytes };
  /**
   * Envelopes for the relay in the order they were made (`position`). `id` is the idempotency key; `channel_seed`
   * proves a group channel, empty for an inbox. `sqn` is 0 for what is not a message; of a message `payload` is kept,
   * and the history position it is shown at (or 0), to be sealed again in another epoch. `barrier`: what has
   * to be so first (outbox.ts).
   */
  outbox: {
    id: Bytes;
    position: number;
    channel_kind: 'inbox' | 'group';
    channel_key: Bytes;
    channel_seed: Bytes;
    envelope: Bytes;
    chat: Bytes;
    epoch: number;
    sqn: number;
    payload: Bytes;
    shown: number;
    barrier: number;
    created: number;
  };
  /** Outbox entries that the relay stored. */
  relayed: { id: Bytes; at: number };
  /** Invited people whose token may have to be made again: until they answer or the invitation expires. */
  invited: {
    chat: Bytes;
    fingerprint: Bytes;
    token: Bytes;
    expires: number;
  };
}

export type Table = keyof Tables;
export type Value = number | string | Bytes;

/** Column names in the order they are stored, and how many of the first of them are the key. */
export const TABLES: {
  readonly [T in Table]: { readonly columns: readonly (keyof Tables[T] & string)[]; readonly key: number };
} = {
  meta: { columns: ['key', 'value'], key: 1 },
  contact: { columns: ['fingerprint', 'card', 'trust', 'added'], key: 1 },
  prekey: { columns: ['id', 'seed', 'signed', 'created', 'used', 'replaced'], key: 1 },
  token: { columns: ['hash', 'expires'], key: 1 },
  held: { columns: ['hash', 'envelope', 'until'], key: 1 },
  invitation: { columns: ['id', 'token', 'card', 'joiner', 'welcome', 'sent', 'expires'], key: 1 },
  chat: {
    columns: [
      'id',
      'title',
      'epoch',
      'state',
      'lost',
      'asked',
      'count',
      'position',
      'read_position',
      'unread',
    ],
    key: 1,
  },
  epoch: {
    columns: [
      'chat',
      'epoch',
      'commit',
      'place',
      'init',
      'channel_seed',
      'seal_key',
      'cut',
      'opened',
      'closed',
    ],
    key: 2,
  },
  position: { columns: ['channel', 'store_id', 'seq'], key: 1 },
  member: {
    columns: [
      'chat',
      'epoch',
      'place',
      'fingerprint',
      'role',
      'card_hash',
      'chain',
      'next_sqn',
      'complete_sqn',
      'last_hash',
      'presence',
    ],
    key: 3,
  },
  accepted: { columns: ['chat', 'epoch', 'place', 'sqn', 'hash'], key: 4 },
  skipped: { columns: ['chat', 'epoch', 'place', 'sqn', 'message_key', 'hash'], key: 4 },
  frontier: { columns: ['chat', 'epoch', 'by_place', 'of_place', 'sqn', 'hash'], key: 4 },
  outbox: {
    columns: [
      'id',
      'position',
      'channel_kind',
      'channel_key',
      'channel_seed',
      'envelope',
      'chat',
      'epoch',
      'sqn',
      'payload',
      'shown',
      'barrier',
      'created',
    ],
    key: 1,
  },
  relayed: { columns: ['id', 'at'], key: 1 },
  invited: { columns: ['chat', 'fingerprint', 'token', 'expires'], key: 2 },
  next: { columns: ['chat', 'commit', 'at'], key: 1 },
  own: { columns: ['chat', 'commit', 'secret'], key: 1 },
  rekey: { columns: ['chat', 'epoch', 'commit_hash', 'sender', 'secret', 'welcome_hash', 'at'], key: 4 },
  intent: { columns: ['chat', 'kind', 'fingerprint', 'data', 'due'], key: 3 },
  shown: { columns: ['chat', 'sender', 'id', 'digest', 'at'], key: 3 },
  kept: { columns: ['chat', 'epoch', 'place', 'sqn', 'message'], key: 4 },
  evidence: { columns: ['chat', 'hash', 'at', 'one', 'other'], key: 2 },
  card: { columns: ['hash', 'card'], key: 1 },
};

/** A message or notice in the history, as it is kept. Shown once for each (chat, sender, id, position). */
export interface HistoryEntry {
  chat: Bytes;
  /** Order of display within the chat, 1, 2, 3…; assigned when the entry is accepted. */
  position: number;
  id: Bytes;
  sender: Bytes;
  epoch: number;
  /** 0 for a notice. */
  sqn: number;
  kind: 'text' | 'notice';
  /** The sender's clock, and when it was accepted here, ms. */
  time: number;
  received: number;
  text: string;
}

export type Change =
  | { [T in Table]: { readonly put: T; readonly row: Tables[T] } }[Table]
  | { readonly drop: Table; readonly key: readonly Value[] }
  | { readonly history: HistoryEntry };
