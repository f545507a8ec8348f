import { toHex } from '../../src/crypto/bytes.js';
import { parseCommit } from '../../src/protocol/commit.js';
import type { MessageView } from '../../src/shared/view.js';
import type { Tables } from '../../src/store/schema.js';
import { Chance } from './chance.js';
import type { Malice } from './malice.js';
import { makePeople, Player, START } from './player.js';
import { RelayModel } from './relayModel.js';
import { settle, VirtualTime } from './virtualTime.js';

/** What somebody was made to send. */
export interface Sent {
  readonly by: Player;
  readonly text: string;
  readonly order: number;
  /** Who was in the group, in the sender's eyes, when it was asked to send. */
  readonly roster: ReadonlySet<string>;
  /** The client said it is stored; never taken back. */
  accepted: boolean;
  /** The sender's disk was put back afterwards. */
  lost: boolean;
}

/** An invariant does not hold. */
export class Broken extends Error {
  override readonly name = 'Broken';
}

/** All of one run. */
export class World {
  readonly chance: Chance;
  readonly time = new VirtualTime(START);
  readonly relay: RelayModel;
  players: readonly Player[] = [];
  readonly log: string[] = [];
  readonly closing: Promise<void>[] = [];
  readonly sent = new Map<string, Sent>();
  /** Everyone who ever was in the roster of an epoch, by commit hash. */
  readonly rosters = new Map<string, ReadonlySet<string>>();
  group = '';
  /** The run has ended: nothing waits any more. */
  over = false;
  #failure: Error | undefined;
  /** What each player was shown, and how often, by text. */
  readonly #shown = new Map<Player, Map<string, string>>();

  constructor(seed: number) {
    this.chance = new Chance(seed);
    this.relay = new RelayModel(this.time, this.chance);
  }

  say(player: Player | undefined, event: string): void {
    this.log.push(`${((this.time.now - START) / 1000).toFixed(2)} ${player?.name ?? '-'}: ${event}`);
  }

  fail(why: string): void {
    this.#failure ??= new Broken(why);
  }

  check(holds: boolean, why: string): asserts holds {
    if (!holds) throw new Broken(why);
  }

  /** Players who are on the other side of a fork that was mended without them. */
  readonly outside = new Set<Player>();

  /** The member that attacks, in some runs; and whether it did so with an admin's rights. */
  malice: Malice | undefined;
  usurped = false;

  /** Whose client nothing is promised of. */
  wicked(player: Player): boolean {
    return player === this.malice?.me;
  }

  async pass(ms: number): Promise<void> {
    await this.time.pass(ms);
    if (this.#failure) throw this.#failure;
  }

  /** `size` participants in a group that all of them have joined; the others stand by. */
  async found(size: number, count: number): Promise<void> {
    const people = (await makePeople()).slice(0, count);
    this.players = people.map((person) => new Player(this, person, this.chance.once(0.5)));
    for (const player of this.players) await player.open();
    await this.pass(2_000);
    const [first, ...others] = this.players.slice(0, size);
    const invited = first!.client!.invite(
      'Team',
      others.map(({ fingerprint }) => fingerprint),
    );
    void invited.then((group) => (this.group = group));
    for (let i = 0; i < 40; i++) {
      await this.pass(1_000);
      const members = first!.client!.view().groups[0]?.members ?? [];
      if (members.length > 0 && members.every(({ presence }) => presence === 'present')) break;
    }
    this.check(this.group !== '', 'no group was founded');
    this.note();
    for (const player of this.players) player.keepCopy();
  }

  /** Remembers the rosters of the epochs there are. */
  note(): void {
    for (const { store } of this.players)
      for (const row of store?.all('epoch') ?? []) {
        const { hash } = parseCommit(row.commit);
        const id = toHex(hash);
        if (this.rosters.has(id)) continue;
        const members = store!.all('member', { chat: row.chat, epoch: row.epoch });
        this.rosters.set(id, new Set(members.map(({ fingerprint }) => toHex(fingerprint))));
      }
  }

  chat(player: Player): Tables['chat'] | undefined {
    return player.store?.all('chat').find(({ id }) => toHex(id) === this.group);
  }

  epoch(player: Player): Tables['epoch'] | undefined {
    const chat = this.chat(player);
    return chat && player.store!.all('epoch', { chat: chat.id, epoch: chat.epoch })[0];
  }

  members(player: Player): string[] {
    const view = player.client?.view().groups.find(({ id }) => id === this.group);
    return view?.members.map(({ fingerprint }) => fingerprint) ?? [];
  }

  shown(player: Player, messages: readonly MessageView[]): void {
    const seen = this.#shown.get(player) ?? new Map<string, string>();
    this.#shown.set(player, seen);
    for (const { kind, text, id, sender } of messages) {
      if (kind === 'notice') {
        player.notices.push(text);
        this.say(player, `“${text}”`);
      } else if (seen.get(text) === undefined) {
        seen.set(text, id);
        this.say(player, `shows “${text}” of ${sender.name}`);
      } else if (seen.get(text) !== id) this.fail(`${player.name} is shown “${text}” twice`);
    }
  }

  /** Texts this player was shown at some time. */
  shownTo(player: Player): ReadonlySet<string> {
    return new Set(this.#shown.get(player)?.keys());
  }

  /** A text that nobody else sends. */
  willSay(by: Player): string {
    const order = this.sent.size;
    const text = `${by.name} ${order}`;
    const roster = new Set(this.members(by));
    this.sent.set(text, { by, text, order, roster, accepted: false, lost: this.wicked(by) });
    return text;
  }

  send(by: Player): void {
    if (!by.client || by.paused || this.members(by).length === 0) return;
    const text = this.willSay(by);
    const { client } = by;
    client.send(this.group, text).then(
      () => {
        if (by.client !== client) return;
        this.sent.get(text)!.accepted = true;
        this.say(by, `accepts “${text}”`);
      },
      (error: unknown) => this.say(by, `refuses “${text}”: ${(error as Error).message}`),
    );
  }

  /** What the player is asked to do, if it can be; a refusal is no failure. */
  ask(player: Player, what: string, work: () => Promise<unknown>): void {
    if (!player.client || player.paused) return;
    this.say(player, what);
    const done = (async () => work())();
    done.catch((error: unknown) => this.say(player, `refuses: ${(error as Error).message}`));
  }

  async end(): Promise<void> {
    this.over = true;
    for (const player of this.players) player.end();
    await Promise.all(this.closing);
    await settle();
  }
}
