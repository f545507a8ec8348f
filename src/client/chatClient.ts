import { EventEmitter } from 'node:events';
import { equal, toHex, utf8 } from '../crypto/bytes.js';
import type { Card } from '../protocol/card.js';
import { ProtocolError, UserError } from '../protocol/errors.js';
import type { Identity } from '../protocol/identity.js';
import { MESSAGE_ID_BYTES } from '../protocol/payload.js';
import { epochSecrets } from '../protocol/schedule.js';
import type { Channel } from '../protocol/wire.js';
import { MAX_TEXT_BYTES, PAGE_SIZE } from '../shared/limits.js';
import type { ConnectionView, GroupView, InvitationView, MessageView, PersonView } from '../shared/view.js';
import type { ParticipantStore } from '../store/participantStore.js';
import type { Change, Tables } from '../store/schema.js';
import { Chat } from './chat.js';
import { Connection, type ChannelAccess, type Ready } from './connection.js';
import { connectionView } from './connectionView.js';
import { Contacts } from './contacts.js';
import type { Effects } from './effects.js';
import type { EpochState } from './epochState.js';
import { epochRows } from './found.js';
import { Groups } from './groups.js';
import { Inbox } from './inbox.js';
import { Invitations } from './invitations.js';
import { Inviting } from './inviting.js';
import { loadEpochs, unusedCards } from './loadEpoch.js';
import { BARRIER, Outbox } from './outbox.js';
import { People } from './people.js';
import { Positions } from './positions.js';
import { Prekeys } from './prekeys.js';
import type { ClientEvents, ClientSettings, Session } from './session.js';
import { inTurns, turn } from './turns.js';

const HOUR = 60 * 60 * 1000;
/** Hours between this clock and the relay’s that are told. */
const CLOCKS_DIFFER = 2;

export interface ClientOptions {
  readonly identity: Identity;
  /** Open and owned by this session, which closes it. */
  readonly store: ParticipantStore;
  readonly effects: Effects;
  readonly settings: ClientSettings;
  /** Cards of the other participants on this machine. */
  readonly localCards?: readonly Card[];
}

export interface ClientView {
  readonly me: PersonView;
  readonly connection: ConnectionView;
  readonly groups: readonly GroupView[];
  readonly invitations: readonly InvitationView[];
}

/** One participant's session, from unlock to lock, without VS Code. Every effect on the world is injected. */
export class ChatClient {
  readonly events = new EventEmitter<ClientEvents>();
  readonly directory: People;
  readonly #session: Session;
  readonly #chats = new Map<string, Chat>();
  readonly #positions: Positions;
  readonly #invitations: Invitations;
  readonly #inboxItems: Inbox;
  /** What people do with a group beyond talking in it. */
  readonly groups: Groups;
  readonly #inbox: ChannelAccess;
  /** Groups, by id, whose invitation is being answered. */
  readonly #joining = new Set<string>();
  /** The highest seq of each channel whose record is stored and not yet reported to the relay. */
  readonly #toReport = new Map<string, { channel: Channel; seq: number }>();
  /** Settled once everything that came so far was dealt with: only then is a channel's end its end. */
  #items: Promise<unknown> = Promise.resolve();
  #cancelTidy: () => void = () => undefined;
  #tidying = false;
  #ended = false;
  #clockTold = false;

  private constructor({ identity, store, effects, settings }: ClientOptions) {
    const connection = new Connection(identity, effects, {
      state: () => this.#connectionChanged(),
      ready: (ready) => this.#ready(ready),
      item: (channel, seq, envelope) => {
        const done = this.#item(channel, seq, envelope).catch((error: unknown) => {
          effects.log(`${channel.kind} item failed: ${String(error)}`);
        });
        this.#items = Promise.all([this.#items, done]).then(() => undefined);
      },
      live: (channel) => void this.#items.then(() => this.#live(channel.key)),
      gap: (channel, oldest) => {
        const found = this.#byChannel(channel.key);
        if (!found && !equal(channel.key, this.#inbox.channel.key)) return;
        effects.log(`the relay goes on with ${toHex(channel.key).slice(0, 8)} at ${oldest}`);
        this.#positions.move(channel, oldest);
        found?.chat.rejoining.suspect();
      },
      clock: (ahead) => this.#compareClocks(ahead),
    });
    const outbox = new Outbox(effects, connection, {
      mayPublish: (row) => {
        const chat = this.#chats.get(toHex(row.chat));
        if (row.barrier === BARRIER.won && (!chat || chat.row.epoch < row.epoch)) return false;
        if (row.barrier >= BARRIER.won && !this.#session.contacts.maySend(row.channel_key)) return false;
        return !chat?.epochOf(row.channel_key) || chat.mayPublish(row);
      },
      relayed: (row, change) => void this.#relayed(row, change),
      refused: (_row, error) => effects.log(`the relay refused an envelope: ${error.code}`),
    });
    this.#session = {
      identity,
      effects,
      settings,
      store,
      connection,
      contacts: new Contacts(identity.card),
      outbox,
      prekeys: new Prekeys(identity.signKey, effects.random, store.all('prekey')),
      events: this.events,
      inviting: new Inviting(() => this.#session),
      chat: (id) => this.#chats.get(toHex(id)),
      subscribe: (access) => this.#subscribe(access),
      retryHeld: () => this.#inboxItems.retry(),
      record: (changes) => this.#record(changes),
    };
    this.directory = new People(this.#session);
    this.#positions = new Positions(store.all('position'));
    this.#inbox = { channel: { kind: 'inbox', key: identity.card.fingerprint } };
    this.#invitations = new Invitations(this.#session, store.all('token'));
    this.#inboxItems = new Inbox(this.#session, this.#invitations, this.directory);
    this.groups = new Groups(this.#session, this.directory, (group) => this.#chat(group));
  }

  /** Loads the session from its store. It dials once connect() is called. */
  static async open(options: ClientOptions): Promise<ChatClient> {
    const client = new ChatClient(options);
    const { store, effects, localCards = [] } = options;
    await inTurns(client.#session.outbox.load(store.each('outbox'), store.each('relayed')));
    await inTurns(client.#session.contacts.load(store.each('contact')));
    await client.#invitations.load(store.all('invitation'));
    for (const row of store.all('chat')) await client.#load(row);
    if (store.condition !== 'clean')
      for (const chat of client.#chats.values()) await chat.rejoining.lost(store.condition, []);
    const now = effects.clock.now();
    const met = localCards.flatMap((card) => client.#session.contacts.add(card, now));
    const changes = [...met, ...unusedCards(store)];
    if (changes.length > 0) await client.#record(changes);
    await turn();
    await client.#tidy();
    return client;
  }

  connect(): void {
    this.#session.connection.connect();
  }

  /** Stores what is under way, closes connection and store, and forgets. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#stop();
    await this.#session.store.close();
  }

  view(): ClientView {
    const { identity, contacts, connection } = this.#session;
    return {
      me: contacts.view(identity.card),
      connection: connectionView(connection.state),
      groups: [...this.#chats.values()].filter((chat) => !chat.declined).map((chat) => chat.view()),
      invitations: this.#invitations.view(),
    };
  }

  /** Everyone who can be invited, and those whose key changed. */
  people(): PersonView[] {
    const { contacts } = this.#session;
    return contacts.all().map(({ card }) => contacts.view(card));
  }

  /**
   * Makes a group and invites these people (fingerprints, hex). Gives its id, hex. Invitations wait in the outbox
   * while the relay is away. Throws UserError.
   */
  async invite(title: string, fingerprints: readonly string[]): Promise<string> {
    this.directory.mayMeet(fingerprints);
    const cards = this.#session.inviting.pick(fingerprints);
    const founded = await this.#session.inviting.found(title, cards);
    const chat = await this.#load(founded.chat);
    await turn();
    this.#subscribe(chat.epoch.access);
    this.#session.outbox.release(...founded.outgoing);
    this.events.emit('changed');
    return chat.id;
  }

  /** Joins the group of an invitation; gives the group's id. Throws UserError. */
  async accept(invitation: string): Promise<string> {
    const asked = this.#invitations.answerable(invitation);
    const expired = this.#invitations.expired(asked);
    if (expired) {
      await this.#record(this.#invitations.drop(asked));
      this.events.emit('changed');
      throw expired;
    }
    const { cards } = asked.welcome;
    const met = cards.flatMap((card) => this.#session.contacts.add(card, this.#now()));
    if (met.length > 0) await this.#record(met);
    const pending = this.#invitations.answerable(invitation);
    if (met.length > 0) this.events.emit('changed');
    this.directory.mayMeet(cards.map((card) => toHex(card.fingerprint)));
    const chat = await this.#join(pending, 'active');
    this.#subscribe(chat.epoch.access);
    this.events.emit('changed');
    return chat.id;
  }

  /** Declining is leaving: the others are told. Throws UserError. */
  async decline(invitation: string): Promise<void> {
    const chat = await this.#join(this.#invitations.answerable(invitation), 'declined');
    await chat.leaving.leave();
    this.events.emit('changed');
  }

  async #join(pending: ReturnType<Invitations['answerable']>, state: 'active' | 'declined'): Promise<Chat> {
    const { commit, roster, place } = pending.welcome;
    const group = toHex(commit.group);
    if (this.#joining.has(group))
      throw new UserError(
        'busy',
        'Another invitation to this group is being answered. Look again in a moment.',
      );
    this.#joining.add(group);
    try {
      const secrets = await inTurns(epochSecrets(pending.row.joiner, commit.hash, roster.length));
      const rows = epochRows(commit, roster, place, secrets, this.#now());
      const former = this.#chats.get(group);
      const { position = 0, read_position = 0, unread = 0 } = former?.row ?? {};
      const chat = { ...rows.chat, state, position, read_position, unread };
      await this.#record([
        { drop: 'invitation', key: [pending.row.id] },
        ...(former ? this.#over(former, commit.epoch) : []),
        { put: 'chat', row: chat },
        { put: 'epoch', row: rows.epoch },
        ...rows.members.map((row): Change => ({ put: 'member', row })),
        ...this.#session.contacts.keep(pending.welcome.cards),
      ]);
      const joined = await this.#load(chat);
      // Until now, keys of the next epoch went to the invitation.
      this.#invitations.answered(pending);
      return joined;
    } finally {
      this.#joining.delete(group);
    }
  }

  /** I was in this group before, and come back in this epoch: all that is left of it are its messages. */
  #over(former: Chat, epoch: number): Change[] {
    const { store, outbox } = this.#session;
    const chat = former.row.id;
    former.stop();
    return [
      ...[...former.epochs.values()].flatMap((each) =>
        each.forget(store.all('kept', { chat, epoch: each.number })),
      ),
      ...store.all('intent', { chat }).map(({ kind, fingerprint }): Change => ({
        drop: 'intent',
        key: [chat, kind, fingerprint],
      })),
      ...former.succession.forget(epoch),
      ...outbox.ofChat(chat).flatMap((row) => outbox.discard(row)),
    ];
  }

  /** Stores a text for the group (hex id); it leaves when the relay is there. Throws UserError. */
  async send(group: string, text: string): Promise<void> {
    const chat = this.#chat(group);
    await chat.sending.sealAgain();
    if (!chat.active) throw new UserError('stopped', chat.stopped ?? '');
    const content = utf8(text);
    if (text.trim() === '') throw new UserError('empty', 'The message is empty.');
    if (content.length > MAX_TEXT_BYTES)
      throw new UserError(
        'too-long',
        `The message has ${content.length} bytes; at most ${MAX_TEXT_BYTES} can be sent. Split it.`,
      );
    await chat.sending.send({ kind: 'text', id: this.#id(), time: this.#now(), content });
  }

  /** A page of a group's history, oldest first, in front of position `before` or at the end. */
  async page(group: string, before?: number): Promise<{ messages: MessageView[]; older: boolean }> {
    const chat = this.#chat(group);
    const { entries, older } = await this.#session.store.history.page(chat.row.id, before, PAGE_SIZE);
    return { messages: entries.map((entry) => chat.message(entry)), older };
  }

  async markRead(group: string, upTo: number): Promise<void> {
    await this.#chat(group).markRead(upTo);
  }

  draft(group: string): string {
    const [row] = this.#session.store.all('meta', { key: `draft:${group}` });
    return row ? new TextDecoder().decode(row.value) : '';
  }

  /** Kept sealed with everything else; empty forgets it. */
  async setDraft(group: string, text: string): Promise<void> {
    const key = `draft:${this.#chat(group).id}`;
    await this.#record([
      text === '' ? { drop: 'meta', key: [key] } : { put: 'meta', row: { key, value: utf8(text) } },
    ]);
  }

  #chat(group: string): Chat {
    const chat = this.#chats.get(group);
    if (!chat || chat.declined) throw new UserError('no-group', 'There is no such group here.');
    return chat;
  }

  #id = () => this.#session.effects.random(MESSAGE_ID_BYTES);
  #now = () => this.#session.effects.clock.now();

  async #load(row: Tables['chat']): Promise<Chat> {
    const { store, contacts } = this.#session;
    const chat = new Chat(this.#session, row, await inTurns(loadEpochs(store, row, contacts)));
    this.#chats.set(chat.id, chat);
    return chat;
  }

  #byChannel(key: Uint8Array): { chat: Chat; epoch: EpochState } | undefined {
    for (const chat of this.#chats.values()) {
      const epoch = chat.epochOf(key);
      if (epoch) return { chat, epoch };
    }
    return undefined;
  }

  // The connection.

  #connectionChanged(): void {
    if (this.#session.connection.state.name !== 'online') this.#chats.forEach((chat) => chat.offline());
    this.events.emit('changed');
  }

  /** Says once that the clocks differ. Nothing else follows: the relay's is not trusted, and nobody is locked out. */
  #compareClocks(ahead: number): void {
    const hours = Math.round(Math.abs(ahead) / HOUR);
    if (hours < CLOCKS_DIFFER || this.#clockTold) return;
    this.#clockTold = true;
    const much = hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
    this.events.emit(
      'notice',
      `The clock of this computer is ${much} ${ahead > 0 ? 'behind' : 'ahead of'} the relay’s. Check it: messages and invitations carry its time, and others may find yours expired, or of the future.`,
    );
  }

  #ready({ storeId, rate, burst }: Ready): void {
    const { connection, outbox, prekeys } = this.#session;
    outbox.pace(rate, burst);
    if (this.#positions.login(storeId)) {
      outbox.requeue(this.#needed());
      this.#chats.forEach((chat) => chat.rejoining.suspect());
    }
    connection.putPrekey(prekeys.newest());
    this.#subscribe(this.#inbox);
    const chats = [...this.#chats.values()];
    const welcomes = chats.flatMap(({ succession, rejoining }) => [
      succession.fetching,
      ...rejoining.fetching,
    ]);
    // Groups first: a relay has so many channels for each connection.
    for (const chat of chats)
      if (!chat.declined) for (const access of chat.accesses()) this.#subscribe(access);
    for (const access of [...welcomes, ...this.#invitations.fetching()])
      if (access) connection.subscribe(access, storeId, 1);
    outbox.pump();
  }

  #subscribe(access: ChannelAccess): void {
    const { connection } = this.#session;
    if (connection.state.name !== 'online') return;
    connection.subscribe(access, this.#positions.storeId, this.#positions.next(access.channel));
  }

  #live(channelKey: Uint8Array): void {
    this.#byChannel(channelKey)?.chat.caughtUp(channelKey);
    this.#session.outbox.pump();
  }

  async #item(channel: Channel, seq: number, envelope: Uint8Array): Promise<void> {
    // Only of channels of mine is it noted how far they were read.
    if (this.#ended || (channel.kind === 'inbox' && !equal(channel.key, this.#inbox.channel.key))) return;
    try {
      if (channel.kind === 'inbox') {
        await this.#inboxItems.item(envelope, [this.#positions.advance(channel, seq)]);
        this.#scheduleTidy();
      } else {
        const found = this.#byChannel(channel.key);
        if (found)
          await found.chat.receiving.item(found.epoch, envelope, this.#positions.advance(channel, seq));
        else await this.#chunk(channel.key, envelope);
      }
    } catch (error) {
      if (this.#ended) return;
      if (!(error instanceof ProtocolError)) throw error;
      this.#session.effects.log(`${channel.kind} item refused: ${error.code}`);
      if (error.code === 'expired') this.events.emit('notice', error.message);
      if (channel.kind === 'inbox') await this.#record([this.#positions.advance(channel, seq)]);
    }
    this.#report(channel);
  }

  /** A piece of a welcome: of an invitation, of new members, or of a group I come back to. */
  async #chunk(key: Uint8Array, envelope: Uint8Array): Promise<void> {
    for (const { succession, rejoining } of this.#chats.values()) {
      if (succession.fetching && equal(succession.fetching.channel.key, key))
        return succession.chunk(envelope);
      if (rejoining.fetching.some(({ channel }) => equal(channel.key, key)))
        return rejoining.chunk(key, envelope);
    }
    await this.#invitations.chunk(key, envelope);
  }

  /** RECEIVED, once a tick and channel, after the records are stored. */
  #report(channel: Channel): void {
    const seq = this.#positions.next(channel) - 1;
    if (seq === 0) return;
    const { connection } = this.#session;
    if (this.#toReport.size === 0)
      queueMicrotask(() => {
        if (connection.state.name === 'online')
          for (const report of this.#toReport.values()) connection.received(report.channel, report.seq);
        this.#toReport.clear();
      });
    this.#toReport.set(toHex(channel.key), { channel, seq });
  }

  async #relayed(row: Tables['outbox'], change: Change): Promise<void> {
    const chat = row.sqn > 0 ? this.#chats.get(toHex(row.chat)) : undefined;
    const changes = chat?.declined ? chat.forget() : (chat?.relayed() ?? []);
    if (chat?.declined) this.#chats.delete(chat.id);
    try {
      await this.#record([change, ...changes]);
      if (changes.length > 0) this.events.emit('changed');
    } catch {
      // The session has ended and said so; the envelope goes out again, and is known by its key.
    }
  }

  // The store.

  async #record(changes: Change[]): Promise<void> {
    try {
      await this.#session.store.commit(changes);
    } catch (error) {
      this.#fail(error as Error);
      throw error;
    }
  }

  /** Another window took the participant over. */
  replaced(): void {
    this.#fail(new UserError('replaced', 'This participant was taken over by another window.'));
  }

  #fail(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stop();
    void this.#session.store.close().catch(() => undefined);
    const replaced = error instanceof UserError && error.code === 'replaced';
    this.events.emit('ended', replaced ? 'replaced' : 'failed', error.message);
  }

  #stop(): void {
    this.#cancelTidy();
    this.#chats.forEach((chat) => chat.stop());
    this.#session.outbox.stop();
    this.#session.connection.stop();
  }

  /** Now and every hour: prekeys, held invitations, what nobody needs any more. */
  async #tidy(): Promise<void> {
    if (this.#tidying) return;
    this.#tidying = true;
    try {
      await this.#tidyAll();
    } finally {
      this.#tidying = false;
    }
    this.#scheduleTidy();
  }

  async #tidyAll(): Promise<void> {
    const { store, outbox, prekeys, effects, connection } = this.#session;
    const now = effects.clock.now();
    /** Recorded at once, and in pieces: what is found may be something else a moment later, and takes its time. */
    const keep = (changes: Change[]) => (changes.length > 0 ? this.#record(changes) : turn());
    const renewed = prekeys.tend(now);
    await keep(renewed);
    if (renewed.length > 0 && connection.state.name === 'online') connection.putPrekey(prekeys.newest());
    const expired = store.all('invited').filter(({ expires }) => expires < now);
    await keep([
      ...this.#invitations.tidy(store.all('token'), now),
      ...expired.map(({ chat, fingerprint }): Change => ({ drop: 'invited', key: [chat, fingerprint] })),
      ...outbox.tidy(this.#needed()),
    ]);
    for (const chat of this.#chats.values()) await keep(chat.tidy(now));
    await this.#inboxItems.retry();
    for (const chat of this.#chats.values()) {
      chat.committing.look();
      chat.frontiers.soon(true);
      await chat.rejoining.ask();
      await chat.leaving.look();
    }
  }

  #scheduleTidy(): void {
    if (this.#ended) return;
    const { store, effects } = this.#session;
    const due = Math.min(HOUR, ...store.all('held').map(({ until }) => until - effects.clock.now()));
    this.#cancelTidy();
    this.#cancelTidy = effects.clock.after(Math.max(0, due), () => {
      this.#tidy().catch((error: unknown) => this.#fail(error as Error));
    });
  }

  /** Whether somebody still needs an envelope that the relay had, as of now. */
  #needed(): (row: Tables['outbox']) => boolean {
    const inviting = new Set(this.#session.store.all('invited').map(({ chat }) => toHex(chat)));
    return (row) => {
      const id = toHex(row.chat);
      const chat = this.#chats.get(id);
      if (!chat || chat.declined) return false;
      if (row.sqn === 0) return row.epoch >= chat.row.epoch || inviting.has(id);
      const { by, of } = chat.receipts(row.epoch, row.sqn);
      return by < of;
    };
  }
}
