import { equal, toHex } from '../crypto/bytes.js';
import type { Card } from '../protocol/card.js';
import { applyChanges, checkCommit, parseCommit, verifyCommit, type Commit } from '../protocol/commit.js';
import { ProtocolError } from '../protocol/errors.js';
import { parseToken } from '../protocol/invitation.js';
import { placeOf, type Roster } from '../protocol/roster.js';
import {
  epochSecrets,
  joinerHash,
  joinerSecret,
  welcomeSecrets,
  type EpochSecrets,
} from '../protocol/schedule.js';
import { openCards, WelcomeCollector } from '../protocol/welcome.js';
import type { Change, HistoryEntry } from '../store/schema.js';
import type { Chat } from './chat.js';
import { groupChannel, type ChannelAccess } from './connection.js';
import { EpochState, type MemberState } from './epochState.js';
import { epochRows } from './found.js';
import { splitAt } from './leaving.js';
import { loadMembers } from './loadEpoch.js';
import { takeSecret } from './secrets.js';
import { inTurns } from './turns.js';

/** A commit's secret or its welcome is waited for this long, ms, before the way back is taken. */
const TOKEN_WAIT = 20_000;
/** A token whose commit does not come may be a loser's, or the relay withholds the commit, ms. */
const COMMIT_WAIT = 60_000;
const NO_WELCOME = new Uint8Array(32);
const NOTHING = new Uint8Array(0);
type WaitReason = 'no-token' | 'gap';

/** How one epoch follows another: the first valid commit in the channel's order, then its secret, then the switch. */
export class Succession {
  #next: { commit: Commit; roster: Roster } | undefined;
  #welcome:
    { access: ChannelAccess; joiner: Uint8Array; hash: Uint8Array; collector: WelcomeCollector } | undefined;
  #wait: { readonly reason: WaitReason; readonly cancel: () => void } | undefined;

  constructor(private readonly chat: Chat) {
    const [row] = chat.session.store.all('next', { chat: chat.row.id });
    if (row) this.#next = this.#read(parseCommit(row.commit));
  }

  /** Whether the next commit is decided, though not here with all it takes. */
  get decided(): boolean {
    return this.#next !== undefined;
  }

  /** Hash of the commit that was taken as the one after this epoch. */
  after(epoch: EpochState): Uint8Array | undefined {
    if (epoch === this.chat.epoch) return this.#next?.commit.hash;
    const next = this.chat.epochs.get(epoch.number + 1);
    return next && equal(next.commit.parent, epoch.commit.hash) ? next.commit.hash : undefined;
  }

  #read(commit: Commit): { commit: Commit; roster: Roster } {
    return { commit, roster: applyChanges(this.chat.epoch.roster, commit.changes) };
  }

  /** A commit in a channel. The first valid one decides; another tells that somebody may have seen another order. */
  async commit(channel: EpochState, data: Uint8Array, position: Change): Promise<void> {
    const commit = parseCommit(data);
    const decided = this.after(channel);
    if (decided && equal(decided, commit.hash)) return;
    const elsewhere = decided ? undefined : this.#elsewhere(commit, channel);
    // Nothing is awaited before what follows is decided: the next commit may be behind this one.
    if (elsewhere) await this.#tellElsewhere(elsewhere, commit, position);
    checkCommit(commit, channel);
    if (decided) {
      const after = applyChanges(channel.roster, commit.changes);
      if (placeOf(after, channel.me.card.fingerprint) === -1)
        await this.chat.leaving.released(channel, commit, position);
      return this.chat.frontiers.send(channel, channel);
    }
    if (channel !== this.chat.epoch || !this.chat.follows)
      throw new ProtocolError('wrong-group', 'A commit of an epoch that is over.');
    await this.#decide(commit, position);
  }

  /** A member who goes on with a commit that my epoch does not lead to: I miss something, or was shown another order. */
  #elsewhere(commit: Commit, channel: EpochState): MemberState | undefined {
    const { chat } = this;
    const committer = channel.member(commit.committer);
    if (channel !== chat.epoch || !chat.follows || !committer || committer === channel.me) return undefined;
    if (!equal(commit.group, chat.row.id) || commit.epoch <= channel.number) return undefined;
    if (equal(commit.parent, channel.commit.hash)) return undefined;
    return verifyCommit(commit, committer.card.signKey) ? committer : undefined;
  }

  async #tellElsewhere(committer: MemberState, commit: Commit, position: Change): Promise<void> {
    const { chat } = this;
    chat.rejoining.suspect();
    const { fingerprint, name } = committer.card;
    const evidence = chat.evidence.keep(splitAt(chat.epoch, committer), commit.bytes, NOTHING);
    if (!evidence) return;
    const text = `${name} follows another change of this group than you do: the relay withholds changes from you, or shows its members different orders. An admin can mend it: “Renew group key”, “Start again for everyone”.`;
    await chat.store([evidence, position], [chat.timeline.notice(fingerprint, text)]);
  }

  async #decide(commit: Commit, position: Change): Promise<void> {
    const { session, row, epoch } = this.chat;
    const at = session.effects.clock.now();
    this.#next = this.#read(commit);
    const changes: Change[] = [
      position,
      { put: 'next', row: { chat: row.id, commit: commit.bytes, at } },
      ...epoch.setCut(commit.cut),
    ];
    const [own] = session.store.all('own', { chat: row.id });
    if (own && !equal(own.commit, commit.bytes)) changes.push(...this.chat.committing.lostRace(own));
    await session.record(changes);
    await this.advance();
  }

  /** Switches to the decided epoch if everything is here; else sees to what is missing. */
  async advance(): Promise<void> {
    const { chat } = this;
    const next = this.#next;
    if (!next || !chat.follows) return;
    const { commit, roster } = next;
    const place = placeOf(roster, chat.session.identity.card.fingerprint);
    if (place === -1) return this.removed(commit.committer, commit.epoch);
    const secret = this.#secret(commit);
    if (!secret) return this.#waitFor('no-token');
    const joiner = joinerSecret(chat.epoch.row.init, secret.secret);
    if (!equal(joinerHash(joiner), commit.joinerHash)) {
      const name = chat.epoch.member(commit.committer)?.card.name ?? '?';
      await chat.store(
        [],
        [chat.timeline.notice(commit.committer, `${name} sent you a key that is not the group’s.`)],
      );
      return chat.rejoining.lost('bad-secret', []);
    }
    const cards = roster.map(({ fingerprint, cardHash }) => this.#card(fingerprint, cardHash));
    if (cards.includes(undefined)) return this.#fetch(joiner, secret.welcomeHash);
    const secrets = await inTurns(epochSecrets(joiner, commit.hash, roster.length));
    if (this.#next !== next) return;
    await this.switchTo(commit, roster, place, secrets, cards as Card[], []);
  }

  /** Goes on where a former session, or a lost connection, left off. */
  async resume(): Promise<void> {
    const { session, row } = this.chat;
    if (this.#next) return this.advance();
    await this.chat.committing.again();
    const { store } = session;
    const ahead = store.all('rekey', { chat: row.id }).some(({ epoch }) => epoch > row.epoch);
    if (ahead || store.all('own', { chat: row.id }).length > 0) this.expectCommit();
  }

  /** There is a commit, mine or another's, and it should be in the channel soon. */
  expectCommit(): void {
    this.#waitFor('gap', COMMIT_WAIT);
  }

  /** The secret that the committer itself gave me: another member can neither replace nor discredit it. */
  #secret({
    epoch,
    hash,
    committer: sender,
  }: Commit): { secret: Uint8Array; welcomeHash: Uint8Array } | undefined {
    const { store } = this.chat.session;
    const { id: chat } = this.chat.row;
    const [own] = store.all('own', { chat });
    if (own && equal(parseCommit(own.commit).hash, hash))
      return { secret: own.secret, welcomeHash: NO_WELCOME };
    const [token] = store.all('rekey', { chat, epoch, commit_hash: hash, sender });
    return token && { secret: token.secret, welcomeHash: token.welcome_hash };
  }

  #card(fingerprint: Uint8Array, hash: Uint8Array): Card | undefined {
    const known = this.chat.epoch.member(fingerprint)?.card;
    if (known && equal(known.hash, hash)) return known;
    return this.chat.session.contacts.exact(fingerprint, hash) ?? this.#brought.get(toHex(hash));
  }

  /** Cards from a welcome whose owners' contacts say something else. */
  readonly #brought = new Map<string, Card>();

  // What has to be fetched.

  /** One wait at a time, which nobody prolongs: once there is a commit, it is its secret that is waited for. */
  #waitFor(reason: WaitReason, wait = TOKEN_WAIT): void {
    const { session } = this.chat;
    if (this.#wait?.reason === reason || (reason === 'gap' && this.#next)) return;
    this.#cancelWait();
    const cancel = session.effects.clock.after(wait, () => {
      this.#wait = undefined;
      if (session.connection.state.name !== 'online' || !this.chat.live) return this.#waitFor(reason, wait);
      const { rejoining } = this.chat;
      void (reason === 'gap' ? this.#notThere() : rejoining.lost(reason, [])).catch(() => undefined);
    });
    this.#wait = { reason, cancel };
  }

  #cancelWait(): void {
    this.#wait?.cancel();
    this.#wait = undefined;
  }

  async #notThere(): Promise<void> {
    await this.chat.committing.again();
    this.chat.rejoining.suspect();
  }

  #fetch(joiner: Uint8Array, hash: Uint8Array): void {
    if (this.#welcome && equal(this.#welcome.hash, hash)) return;
    this.#cancelWait();
    if (equal(hash, NO_WELCOME)) return this.#waitFor('no-token', 0);
    const access = groupChannel(welcomeSecrets(joiner).channelSeed);
    this.#welcome = { access, joiner, hash, collector: new WelcomeCollector() };
    this.chat.session.subscribe(access);
    this.#waitFor('no-token');
  }

  /** The channel of a welcome that is being fetched. */
  get fetching(): ChannelAccess | undefined {
    return this.#welcome?.access;
  }

  /** One piece of a welcome. Throws ProtocolError. */
  async chunk(envelope: Uint8Array): Promise<void> {
    const welcome = this.#welcome;
    const box = welcome?.collector.add(envelope, welcome.hash);
    if (!welcome || !box || !this.#next) return;
    const { session } = this.chat;
    session.connection.unsubscribe(welcome.access.channel);
    this.#welcome = undefined;
    const cards = await inTurns(openCards(box, welcome.joiner, this.#next.commit));
    for (const card of cards) this.#brought.set(toHex(card.hash), card);
    const met = cards.flatMap((card) => session.contacts.add(card, session.effects.clock.now()));
    if (met.length > 0) await session.record(met);
    await this.advance();
  }

  /**
   * A rekey token, from a member of the epoch before its own. False if its sender is not known yet: it is to be tried
   * again once this group has moved on. Throws ProtocolError.
   */
  async token(data: Uint8Array, changes: Change[]): Promise<boolean> {
    const { session, row, epoch } = this.chat;
    const { identity, contacts } = session;
    const token = parseToken(data, 'rekey', identity.card.fingerprint);
    if (token.epoch <= row.epoch) throw new ProtocolError('replayed', 'A key for an epoch that is over.');
    const sender =
      epoch.member(token.from)?.card ?? (token.epoch > row.epoch + 1 ? contacts.get(token.from) : undefined);
    if (!sender && token.epoch > row.epoch + 1) {
      this.expectCommit();
      return false;
    }
    if (!sender) throw new ProtocolError('not-for-me', 'A key from somebody who is no member.');
    await takeSecret(session, token, sender, changes);
    if (this.#next) await this.advance();
    else this.expectCommit();
    return true;
  }

  // The switch.

  /** Goes on in this epoch. `cards` in roster order. `changes` come along in the record. */
  async switchTo(
    commit: Commit,
    roster: Roster,
    place: number,
    secrets: EpochSecrets,
    cards: readonly Card[],
    changes: Change[],
  ): Promise<void> {
    const { chat } = this;
    const { session, epoch: old } = chat;
    const now = session.effects.clock.now();
    const rows = epochRows(commit, roster, place, secrets, now, old);
    const epoch = new EpochState(rows.epoch, loadMembers(rows.members, cards));
    const removed = old.roster.flatMap(({ fingerprint }) => (epoch.member(fingerprint) ? [] : [fingerprint]));
    for (const each of chat.epochs.values()) if (each !== old) changes.push(...each.part(removed));
    const entries = this.#notices(old, epoch);
    this.#cancelWait();
    this.#next = undefined;
    this.#brought.clear();
    chat.epochs.set(epoch.number, epoch);
    chat.row = { ...chat.row, epoch: epoch.number, title: commit.title, count: 0, asked: 0 };
    if (chat.row.lost !== 'rolled-back' && chat.row.lost !== 'damaged') chat.row = { ...chat.row, lost: '' };
    changes.push(
      { put: 'epoch', row: rows.epoch },
      ...rows.members.map((row): Change => ({ put: 'member', row })),
      ...session.contacts.keep(cards),
      ...old.end(removed, now),
      ...this.#over(epoch.number, commit),
      ...chat.committing.settle(commit),
    );
    for (const access of chat.accesses()) session.subscribe(access);
    await chat.store(changes, entries);
    chat.sending.sealAgain().catch((error: unknown) => {
      session.effects.log(`not sealed again: ${(error as Error).message}`);
    });
    chat.frontiers.soon();
    await session.retryHeld();
    if (chat.row.state === 'leaving') await chat.leaving.still();
    chat.committing.look();
  }

  /** Drops what belonged to the decision about this epoch and those before; of an own commit, all that was not taken. */
  #over(epoch: number, taken?: Commit): Change[] {
    const { store } = this.chat.session;
    const { id: chat } = this.chat.row;
    const tokens = store.all('rekey', { chat }).filter((row) => row.epoch <= epoch);
    const [own] = store.all('own', { chat });
    const isTaken = own && taken && equal(own.commit, taken.bytes);
    return [
      { drop: 'next', key: [chat] },
      ...(own && !isTaken ? this.chat.committing.lostRace(own) : [{ drop: 'own', key: [chat] } as const]),
      ...tokens.map((row): Change => ({
        drop: 'rekey',
        key: [chat, row.epoch, row.commit_hash, row.sender],
      })),
    ];
  }

  /** Drops all of it, but secrets of epochs after `epoch`. */
  forget(epoch = Number.MAX_SAFE_INTEGER): Change[] {
    return this.#over(epoch);
  }

  /** Takes part no more, removed by a commit to this epoch. */
  async removed(by: Uint8Array, number: number): Promise<void> {
    const { chat } = this;
    const { session, epoch } = chat;
    const wanted = chat.row.state === 'leaving';
    for (const access of chat.accesses()) session.connection.unsubscribe(access.channel);
    chat.row = { ...chat.row, state: wanted ? 'left' : 'removed', lost: '' };
    const name = epoch.member(by)?.card.name ?? '?';
    const notice = wanted ? 'You left the group.' : `${name} removed you from the group.`;
    this.#cancelWait();
    this.#next = undefined;
    await chat.store(
      [
        ...epoch.end([session.identity.card.fingerprint], session.effects.clock.now()),
        ...epoch.dropChains(),
        // I may have been added again since.
        ...this.forget(number),
      ],
      [chat.timeline.notice(by, notice)],
    );
  }

  /** What happened between two epochs, for people: more than one commit if I was brought back. */
  #notices(old: EpochState, { commit, roster, members }: EpochState): HistoryEntry[] {
    const { timeline, session } = this.chat;
    const nameOf = (fingerprint: Uint8Array) =>
      members[placeOf(roster, fingerprint)]?.card.name ??
      old.member(fingerprint)?.card.name ??
      session.contacts.get(fingerprint)?.name ??
      '?';
    const by = nameOf(commit.committer);
    const added = commit.changes.filter(({ type }) => type === 'add');
    const said =
      commit.reason === 'change' && equal(commit.parent, old.commit.hash)
        ? commit.changes.flatMap((change): string[] => {
            const name = nameOf(change.fingerprint);
            if (change.type === 'add')
              return change === added[0]
                ? [`${by} invited ${listed(added.map(({ fingerprint }) => nameOf(fingerprint)))}.`]
                : [];
            if (change.type === 'remove') return change.leave.length > 0 ? [] : [`${by} removed ${name}.`];
            if (change.type === 'rejoin') return [`${name} was brought back into the group.`];
            return [roleNotice(name, change.role)];
          })
        : rosterNotices(old.roster, roster, nameOf);
    if (commit.reason === 'reset') said.push(`${by} reset the group: it goes on with a new key.`);
    if (commit.title !== old.commit.title) said.push(`The group is named “${commit.title}” now.`);
    return said.map((text) => timeline.notice(commit.committer, text));
  }

  stop(): void {
    this.#cancelWait();
  }
}

/** Names as people write them, ten things at most: “Ada, Bo and 250 others”. */
function listed(names: readonly string[]): string {
  const things = names.length > 10 ? [...names.slice(0, 9), `${names.length - 9} others`] : names;
  return [things.slice(0, -1).join(', '), ...things.slice(-1)].filter(Boolean).join(' and ');
}

const roleNotice = (name: string, role: Roster[number]['role']): string =>
  role === 'admin' ? `${name} is an admin now.` : `${name} is no longer an admin.`;

/** Who came, went and got another role, whoever did it. */
function rosterNotices(before: Roster, after: Roster, nameOf: (fingerprint: Uint8Array) => string): string[] {
  const gone = before.filter(({ fingerprint }) => placeOf(after, fingerprint) === -1);
  return [
    ...gone.map(({ fingerprint }) => `${nameOf(fingerprint)} is no longer in the group.`),
    ...after.flatMap(({ fingerprint, role }) => {
      const known = before[placeOf(before, fingerprint)];
      if (!known) return [`${nameOf(fingerprint)} is in the group now.`];
      return known.role === role ? [] : [roleNotice(nameOf(fingerprint), role)];
    }),
  ];
}
