import { equal, toHex, utf8 } from '../crypto/bytes.js';
import { openPrekey, type Card, type Prekey } from '../protocol/card.js';
import { sealEnvelope } from '../protocol/channel.js';
import {
  applyChanges,
  badCommit,
  checkCommit,
  makeCommit,
  MAX_CHANGES,
  parseCommit,
  type Commit,
  type RosterChange,
} from '../protocol/commit.js';
import { openLeave } from '../protocol/leave.js';
import { SALT_BYTES } from '../protocol/message.js';
import { placeOf, rosterHash, type Roster } from '../protocol/roster.js';
import { joinerHash, joinerSecret, SECRET_BYTES } from '../protocol/schedule.js';
import type { Change, Tables } from '../store/schema.js';
import type { Chat } from './chat.js';
import { BARRIER } from './outbox.js';
import { forEachOf } from './turns.js';

type Intent = Tables['intent'];
type Kind = Intent['kind'];

/** Others than the one it falls to wait this long, ms, and up to as long again at random. */
const STAND_BACK = 60_000;
/** Admins wait up to this long, ms, so that they don't all commit at once. */
const ADMINS_WITHIN = 1_000;
/** A commit that lost a race is made again within this, ms, doubled with each loss. */
const BACK_OFF = 500;
/** Leave statements in one commit, which has a size to keep to. */
const MAX_LEAVES = 12;
const NOTHING = new Uint8Array(0);
const NO_ONE = new Uint8Array(32);
/** The secret is renewed after this many users' messages. */
const renewAfter = (members: number): number => Math.min(800, Math.max(100, 10 * members));

/** What is to change in a group, kept until it has: commits are made of it, and made again when another one won. */
export class Committing {
  #busy = false;
  #losses = 0;
  #cancelLook: () => void = () => undefined;

  constructor(private readonly chat: Chat) {}

  #intents(): Intent[] {
    return this.chat.session.store.all('intent', { chat: this.chat.row.id });
  }

  /** The record of something to be done. look() follows once it is stored. */
  want(kind: Kind, fingerprint: Uint8Array = NO_ONE, data: Uint8Array = NOTHING, wait?: number): Change[] {
    const { chat } = this;
    const { effects } = chat.session;
    const share = (effects.random(1)[0] ?? 0) / 256;
    const falling = kind === 'leave' || kind === 'rejoin';
    const delay = wait ?? (falling ? share * (chat.isAdmin ? ADMINS_WITHIN : STAND_BACK) : 0);
    const row = { chat: chat.row.id, kind, fingerprint, data, due: effects.clock.now() + Math.round(delay) };
    this.#lookAfter(delay + 1);
    return [{ put: 'intent', row }];
  }

  /** Renewal by itself: by who sends the message that is due, else by the others a while later. */
  renewal(mine = false): Change[] {
    const { chat } = this;
    const { row, epoch } = chat;
    if (row.state !== 'active' || (!mine && row.count < renewAfter(epoch.members.length))) return [];
    if (this.#intents().some(({ kind }) => kind === 'renew')) return [];
    const share = (chat.session.effects.random(1)[0] ?? 0) / 256;
    return this.want('renew', NO_ONE, NOTHING, mine ? 0 : STAND_BACK * (1 + share));
  }

  /** Commits what is due, if it can. */
  look(): void {
    void this.#look().catch((error: unknown) => {
      this.chat.session.effects.log(`commit not made: ${(error as Error).message}`);
    });
  }

  #lookAfter(ms: number): void {
    this.#cancelLook();
    this.#cancelLook = this.chat.session.effects.clock.after(Math.max(0, Math.ceil(ms)), () => this.look());
  }

  async #look(): Promise<void> {
    const { chat } = this;
    const { store, effects } = chat.session;
    if (this.#busy || !chat.live || !chat.follows || chat.row.lost !== '' || chat.succession.decided) return;
    if (store.all('own', { chat: chat.row.id }).length > 0) return;
    const intents = this.#intents();
    if (intents.length === 0) return;
    const now = effects.clock.now();
    const due = Math.min(...intents.map((intent) => intent.due));
    if (due > now) return this.#lookAfter(due - now);
    this.#busy = true;
    try {
      // An intent on its way to the disk may be about to take the place of one of these.
      await store.settled();
      if (chat.follows && !chat.succession.decided) await this.#commit(this.#intents());
    } finally {
      this.#busy = false;
    }
  }

  /** Everything that is wanted goes along with what is due. */
  async #commit(intents: readonly Intent[]): Promise<void> {
    const { chat } = this;
    const { session, epoch } = chat;
    const { effects, identity, outbox } = session;
    const { changes, title, useless } = this.#changes(intents);
    if (useless.length > 0) await session.record(useless.map(dropped));
    if (useless.length === intents.length) return;
    const roster = applyChanges(epoch.roster, changes);
    const secret = effects.random(SECRET_BYTES);
    const joiner = joinerSecret(epoch.row.init, secret);
    const recipients = await this.#recipients(roster, intents);
    if (chat.epoch !== epoch || chat.succession.decided || !chat.live) return;
    const commit = makeCommit(identity.signKey, {
      group: chat.row.id,
      epoch: epoch.number + 1,
      parent: epoch.commit.hash,
      title,
      changes,
      rosterHash: rosterHash(roster),
      committer: identity.card.fingerprint,
      reason: 'change',
      joinerHash: joinerHash(joiner),
      cut: epoch.complete(),
      time: effects.clock.now(),
    });
    checkCommit(commit, epoch);
    const made = await session.inviting.tokens(commit, roster, joiner, secret, recipients, true);
    if (chat.epoch !== epoch || chat.succession.decided) {
      for (const row of made.rows) outbox.discard(row);
      return;
    }
    // Messages that were sent meanwhile are above its cut, and are sealed again.
    const envelope = sealEnvelope(epoch.row.seal_key, 'commit', commit.bytes, effects.random(SALT_BYTES));
    const last = outbox.make({
      access: epoch.access,
      envelope,
      chat: chat.row.id,
      epoch: commit.epoch,
      sqn: 0,
      barrier: BARRIER.earlier,
    });
    const rows = [...made.rows, last];
    await session.record([
      { put: 'own', row: { chat: chat.row.id, commit: commit.bytes, secret } },
      ...made.changes,
      ...rows.map((row): Change => ({ put: 'outbox', row })),
    ]);
    if (chat.succession.decided || chat.epoch !== epoch) {
      const [own] = session.store.all('own', { chat: chat.row.id });
      if (own) await session.record(this.lostRace(own));
      return;
    }
    outbox.release(...rows);
    chat.succession.expectCommit();
  }

  /** The changes that the intents make to the present roster, and intents that make none. */
  #changes(intents: readonly Intent[]): { changes: RosterChange[]; title: string; useless: Intent[] } {
    const { epoch, session } = this.chat;
    const me = session.identity.card.fingerprint;
    const isAdmin = this.chat.isAdmin;
    const changes: RosterChange[] = [];
    const useless: Intent[] = [];
    let { title } = epoch.commit;
    const touched = new Set<string>();
    let admins = epoch.roster.filter(({ role }) => role === 'admin').length;
    for (const intent of [...intents].sort((a, b) => a.due - b.due)) {
      const { kind, fingerprint, data } = intent;
      const leaves = changes.filter((each) => each.type === 'remove' && each.leave.length > 0);
      const full = changes.length >= MAX_CHANGES - 1 || (kind === 'leave' && leaves.length >= MAX_LEAVES);
      // What does not go together with the changes so far is left for the next commit.
      if (kind === 'renew' || full || touched.has(toHex(fingerprint))) continue;
      if (kind === 'title' && isAdmin) {
        title = new TextDecoder().decode(data);
        continue;
      }
      const entry = epoch.roster[placeOf(epoch.roster, fingerprint)];
      const change = this.#change(intent, entry, isAdmin, me);
      if (!change) {
        useless.push(intent);
        continue;
      }
      const left = admins + moreAdmins(change, entry);
      if (left === 0 || change.some((each) => touched.has(toHex(each.fingerprint)))) continue;
      admins = left;
      changes.push(...change);
      for (const each of change) touched.add(toHex(each.fingerprint));
    }
    return { changes, title, useless };
  }

  #change(
    { kind, fingerprint, data }: Intent,
    entry: Roster[number] | undefined,
    isAdmin: boolean,
    me: Uint8Array,
  ): RosterChange[] | undefined {
    const { epoch, session } = this.chat;
    if (equal(fingerprint, me) || (kind === 'add' ? entry !== undefined : entry === undefined))
      return undefined;
    switch (kind) {
      case 'add': {
        const card = session.contacts.get(fingerprint);
        return isAdmin && card
          ? [{ type: 'add', fingerprint, role: 'member', cardHash: card.hash }]
          : undefined;
      }
      case 'remove':
        return isAdmin ? [{ type: 'remove', fingerprint, leave: NOTHING }] : undefined;
      case 'leave':
        return this.#leave(fingerprint, data, isAdmin);
      case 'admin':
      case 'member':
        return isAdmin && entry?.role !== kind ? [{ type: 'role', fingerprint, role: kind }] : undefined;
      case 'rejoin':
      case 'invite':
        return epoch.member(fingerprint) ? [{ type: 'rejoin', fingerprint }] : undefined;
      default:
        return undefined;
    }
  }

  #leave(fingerprint: Uint8Array, data: Uint8Array, isAdmin: boolean): RosterChange[] | undefined {
    const { epoch } = this.chat;
    const key = epoch.keyOf(fingerprint);
    if (!key) return undefined;
    const { parent, successor } = openLeave(data, fingerprint, key);
    const fresh = equal(parent, epoch.commit.hash);
    if (!fresh && !isAdmin) return undefined;
    const removal: RosterChange = { type: 'remove', fingerprint, leave: fresh ? data : NOTHING };
    const admins = epoch.roster.filter(({ role }) => role === 'admin');
    if (admins.some((admin) => !equal(admin.fingerprint, fingerprint))) return [removal];
    // Nobody but the only admin has a say in who is to be admin.
    const heir = epoch.member(successor);
    return heir && heir.row.role !== 'admin'
      ? [{ type: 'role', fingerprint: successor, role: 'admin' }, removal]
      : undefined;
  }

  /** Everyone of the new roster but me, with the prekey to use and the type of token. */
  async #recipients(roster: Roster, intents: readonly Intent[]): Promise<Recipient[]> {
    const { session, epoch } = this.chat;
    const others = roster.filter(({ fingerprint }) => !equal(fingerprint, session.identity.card.fingerprint));
    const answers = intents.filter(({ kind }) => kind === 'rejoin' || kind === 'invite');
    return forEachOf(others, async ({ fingerprint }): Promise<Recipient> => {
      const member = epoch.member(fingerprint);
      const card = member?.card ?? session.contacts.get(fingerprint);
      if (!card) throw badCommit('a contact card is missing');
      if (!session.contacts.maySend(fingerprint)) return { card, type: 'rekey', prekey: undefined };
      const asked = answers.find((intent) => equal(intent.fingerprint, fingerprint));
      if (asked) {
        const type = asked.kind === 'invite' ? 'join' : 'rejoin';
        return { card, type, prekey: openPrekey(asked.data, card.signKey) };
      }
      return { card, type: member ? 'rekey' : 'join', prekey: await session.inviting.prekey(card) };
    });
  }

  /** My commit is nowhere in its channel, which was read to its end: if the relay said it has it, it goes out anew. */
  async again(): Promise<void> {
    const { chat } = this;
    const { outbox, store } = chat.session;
    const [own] = store.all('own', { chat: chat.row.id });
    if (own && outbox.isRelayed(chat.row.id, parseCommit(own.commit).epoch, 0))
      await chat.publish('commit', own.commit);
  }

  /** Another commit won: mine never was, and what it was for is tried again. Its envelopes stay here. */
  lostRace(own: Tables['own']): Change[] {
    const { epoch } = parseCommit(own.commit);
    const { outbox, effects } = this.chat.session;
    this.#losses++;
    this.#lookAfter(((effects.random(1)[0] ?? 0) / 256) * BACK_OFF * 2 ** Math.min(this.#losses, 6));
    const stale = outbox.ofChat(this.chat.row.id).filter((row) => row.epoch === epoch && row.sqn === 0);
    return [{ drop: 'own', key: [this.chat.row.id] }, ...stale.flatMap((row) => outbox.discard(row))];
  }

  /** A commit holds: what it did is no longer wanted. */
  settle(commit: Commit): Change[] {
    const { epoch } = this.chat;
    if (equal(commit.committer, epoch.me.card.fingerprint)) this.#losses = 0;
    const back = commit.changes.flatMap(({ type, fingerprint }) => (type === 'rejoin' ? [fingerprint] : []));
    const done = this.#intents().filter(({ kind, fingerprint, data }) => {
      const entry = epoch.roster[placeOf(epoch.roster, fingerprint)];
      if (kind === 'renew') return true;
      if (kind === 'add') return entry !== undefined;
      if (kind === 'title') return equal(data, utf8(commit.title));
      if (kind === 'admin' || kind === 'member') return entry?.role === kind;
      if (kind === 'rejoin' || kind === 'invite')
        return !entry || back.some((who) => equal(who, fingerprint));
      return entry === undefined;
    });
    return done.map(dropped);
  }

  stop(): void {
    this.#cancelLook();
  }
}

/** Somebody a commit's secret goes to. */
export interface Recipient {
  readonly card: Card;
  readonly type: 'join' | 'rekey' | 'rejoin';
  /** Undefined: its secret is not sent to this key, which is revoked or not the one that was known. */
  readonly prekey: Prekey | undefined;
}

/** How many more admins the group has after the changes of one intent, which is about this member. */
const moreAdmins = (changes: readonly RosterChange[], entry: Roster[number] | undefined): number =>
  changes.reduce((more, change) => {
    if (change.type === 'role') return more + (change.role === 'admin' ? 1 : -1);
    return change.type === 'remove' && entry?.role === 'admin' ? more - 1 : more;
  }, 0);

const dropped = ({ chat, kind, fingerprint }: Intent): Change => ({
  drop: 'intent',
  key: [chat, kind, fingerprint],
});
