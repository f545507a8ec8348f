import { readFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { ChatClient } from '../../src/client/chatClient.js';
import { EpochState } from '../../src/client/epochState.js';
import { loadMembers } from '../../src/client/loadEpoch.js';
import { prekeyRow } from '../../src/client/prekeys.js';
import { equal, toHex } from '../../src/crypto/bytes.js';
import { systemRandom } from '../../src/crypto/random.js';
import type { Card } from '../../src/protocol/card.js';
import { inboxKey } from '../../src/protocol/identity.js';
import { sealInboxItem, type InboxItem } from '../../src/protocol/inbox.js';
import { wrap } from '../../src/protocol/invitation.js';
import { welcomeSecrets } from '../../src/protocol/schedule.js';
import { groupChannel } from '../../src/client/connection.js';
import { inlineHistory } from '../../src/store/historyPort.js';
import { ParticipantStore } from '../../src/store/participantStore.js';
import type { Change } from '../../src/store/schema.js';
import type { Trust } from '../../src/shared/view.js';
import { Chance } from '../model/chance.js';
import { RELAY_URL, RelayModel } from '../model/relayModel.js';
import { VirtualTime, type Scope } from '../model/virtualTime.js';
import { inviteTo, type Group } from './group.js';
import { MemoryDisk } from './memoryDisk.js';
import type { Person } from './people.js';
import { wasmPath } from './stores.js';

const wasm = new Uint8Array(readFileSync(wasmPath));
export const DAY = 24 * 60 * 60 * 1000;

/** Sessions and a relay in one process, in virtual time. */
export class Room {
  readonly time = new VirtualTime(Date.now());
  readonly relay = new RelayModel(this.time, new Chance(1));
  readonly log: string[] = [];

  pass(ms: number): Promise<void> {
    return this.time.pass(ms);
  }

  /** Puts an item into somebody's inbox. */
  slip(to: Person, item: InboxItem): void {
    const { card } = to.identity;
    const envelope = sealInboxItem(inboxKey(card), item, systemRandom(16));
    this.relay.put({ kind: 'inbox', key: card.fingerprint }, envelope, toHex(systemRandom(16)));
  }

  /** Invites somebody into a made-up group of `group.founder`; without its welcome if `token` only. */
  invite(guest: Person, group: Group, change: Parameters<typeof inviteTo>[2] = {}, tokenOnly = false): void {
    const { founder, joiner, welcome } = group;
    const { channel } = groupChannel(welcomeSecrets(joiner).channelSeed);
    if (!tokenOnly)
      for (const chunk of welcome.chunks) this.relay.put(channel, chunk, toHex(systemRandom(16)));
    const token = inviteTo(group, guest, { time: this.time.now, ...change });
    this.slip(guest, { type: 'join', token, card: founder.identity.card.bytes });
  }
}

/** Somebody's disk, and the session on it. */
export class Guest {
  client!: ChatClient;
  store!: ParticipantStore;
  inviteLifetime = 7 * DAY;
  #scope: Scope;
  readonly #disk = new MemoryDisk();

  private constructor(
    readonly room: Room,
    readonly person: Person,
  ) {
    this.#scope = room.time.scope();
  }

  /** With a session, online in a moment. */
  static async enter(
    room: Room,
    person: Person,
    contacts: readonly (readonly [Card, Trust])[] = [],
    connect = true,
  ): Promise<Guest> {
    const guest = new Guest(room, person);
    const changes: Change[] = [
      { put: 'prekey', row: prekeyRow(person.prekey) },
      ...contacts.map(([card, trust]): Change => ({
        put: 'contact',
        row: { fingerprint: card.fingerprint, card: card.bytes, trust, added: room.time.now },
      })),
    ];
    await ParticipantStore.create('/', person.identity.storageKey, systemRandom, changes, guest.#disk.files);
    await guest.open(connect);
    onTestFinished(() => guest.close());
    return guest;
  }

  get name(): string {
    return this.person.identity.card.name;
  }

  get id(): string {
    return toHex(this.person.identity.card.fingerprint);
  }

  async open(connect = true): Promise<void> {
    const { room, person } = this;
    const scope = (this.#scope = room.time.scope());
    this.store = await ParticipantStore.open({
      dir: '/',
      storageKey: person.identity.storageKey,
      wasm,
      random: systemRandom,
      startHistory: inlineHistory,
      takeOver: true,
      files: this.#disk.files,
    });
    const lifetime = () => this.inviteLifetime;
    this.client = await ChatClient.open({
      identity: person.identity,
      store: this.store,
      effects: {
        clock: scope,
        random: systemRandom,
        dial: room.relay.dial(scope),
        wrap: (jobs) => Promise.resolve(jobs.map((job) => wrap(job, systemRandom))),
        relayAddress: () => Promise.resolve(RELAY_URL),
        log: (event) => room.log.push(`${this.name}: ${event}`),
      },
      settings: {
        get inviteLifetime() {
          return lifetime();
        },
      },
    });
    if (connect) this.client.connect();
  }

  async close(): Promise<void> {
    this.#scope.over = true;
    await this.client.close();
  }

  async reopen(): Promise<void> {
    await this.close();
    await this.open();
  }

  /** Accepts the only invitation that waits; gives the group's id. */
  accept(): Promise<string> {
    return this.client.accept(this.client.view().invitations[0]!.id);
  }

  async notices(group: string): Promise<string[]> {
    const { messages } = await this.client.page(group);
    return messages.filter(({ kind }) => kind === 'notice').map(({ text }) => text);
  }

  async texts(group: string): Promise<string[]> {
    const { messages } = await this.client.page(group);
    return messages.filter(({ kind }) => kind === 'text').map(({ text }) => text);
  }

  stopped(group: string): string | undefined {
    return this.client.view().groups.find(({ id }) => id === group)?.stopped;
  }

  epoch(group: string): number {
    return this.client.groups.details(group).epoch;
  }
}

/** These people as contacts to enter with. */
export const known = (...people: Person[]): (readonly [Card, Trust])[] =>
  people.map(({ identity }) => [identity.card, 'verified']);

/** Guests who know each other. */
export async function acquainted<T extends readonly Person[]>(
  room: Room,
  ...people: T
): Promise<{ [K in keyof T]: Guest }> {
  const guests: Guest[] = [];
  for (const person of people)
    guests.push(await Guest.enter(room, person, known(...people.filter((other) => other !== person))));
  return guests as { [K in keyof T]: Guest };
}

/** What a member knows of its newest epoch. */
export function epochOf({ store }: Guest, people: readonly Person[]): EpochState {
  const row = store.all('epoch').at(-1)!;
  const rows = store.all('member', { chat: row.chat, epoch: row.epoch });
  const cards = rows.map(
    ({ fingerprint }) =>
      people.find(({ identity }) => equal(identity.card.fingerprint, fingerprint))!.identity.card,
  );
  return new EpochState(row, loadMembers(rows, cards));
}

/** A group of the first with the others, who all accept. */
export async function meet(
  room: Room,
  [first, ...others]: readonly Guest[],
  title = 'Team',
): Promise<string> {
  const group = await first!.client.invite(
    title,
    others.map(({ id }) => id),
  );
  await room.pass(2_000);
  for (const guest of others) await guest.accept();
  await room.pass(2_000);
  return group;
}
