import { groupChannel, type ChannelAccess } from '../../src/client/connection.js';
import { equal, toHex } from '../../src/crypto/bytes.js';
import { systemRandom } from '../../src/crypto/random.js';
import { openEnvelope } from '../../src/protocol/channel.js';
import { applyChanges, type Commit, type CommitBody, type RosterChange } from '../../src/protocol/commit.js';
import { parseFrontier } from '../../src/protocol/frontier.js';
import { rosterHash, type Roster } from '../../src/protocol/roster.js';
import { welcomeSecrets } from '../../src/protocol/schedule.js';
import { sealWelcome } from '../../src/protocol/welcome.js';
import type { Tables } from '../../src/store/schema.js';
import { commitBy, knownIn, sealedToken, type Known } from './forging.js';
import { makePeople, type Person } from './people.js';
import { Guest, known, meet, type Room } from './room.js';

export type Step = ReturnType<typeof commitBy>;
type About = Pick<Commit, 'group' | 'epoch' | 'hash'>;
type Draft = Parameters<typeof sealedToken>[5];

/** A group of Ada, its admin, Bo and Mal. Only Bo's session hears the relay: what else comes is made by hand. */
export class Trio {
  private constructor(
    private readonly people: readonly Person[],
    private readonly room: Room,
    readonly adas: Guest,
    readonly bos: Guest,
    readonly mals: Guest,
    readonly group: string,
    /** What the members know of the epoch they are in. */
    public of: Known,
  ) {}

  /** Bo knows `more`, too. */
  static async gather(room: Room, more: readonly Person[] = []): Promise<Trio> {
    const people = await makePeople(['Ada', 'Bo', 'Cy', 'Mal']);
    const [ada, bo, , mal] = people;
    const adas = await Guest.enter(room, ada, known(bo, mal));
    const bos = await Guest.enter(room, bo, known(ada, mal, ...more));
    const mals = await Guest.enter(room, mal, known(ada, bo));
    const group = await meet(room, [adas, bos, mals]);
    for (const { id } of [adas, mals]) room.relay.cutOff.add(id);
    const of = knownIn(adas.store, { random: systemRandom, now: () => room.time.now });
    return new Trio(people, room, adas, bos, mals, group, of);
  }

  /** Bo's row of the group. */
  readonly row = (): Tables['chat'] => this.bos.store.all('chat')[0]!;

  /** Lets time pass until this is so, a second at most. */
  readonly until = async (isSo: () => boolean): Promise<void> => {
    for (let ms = 0; ms < 1_000 && !isSo(); ms++) await this.room.pass(1);
  };

  /** A commit after the epoch they are in. */
  readonly step = (
    by: Person,
    changes: readonly RosterChange[] = [],
    change: Partial<CommitBody> = {},
  ): Step => {
    const { of } = this;
    return commitBy(of, by, { changes, rosterHash: rosterHash(applyChanges(of.roster, changes)), ...change });
  };

  #put(channel: ChannelAccess['channel'], envelope: Uint8Array, ms: number): Promise<void> {
    this.room.relay.put(channel, envelope, toHex(systemRandom(16)));
    return this.room.pass(ms);
  }

  /** It is in the channel. */
  readonly show = ({ envelope }: Pick<Step, 'envelope'>, ms = 1_000): Promise<void> =>
    this.#put(this.of.access.channel, envelope, ms);

  /** Bo gets a commit's secret from this person. */
  readonly hand = (
    by: Person,
    { commit, secret }: { commit: About; secret: Uint8Array },
    welcomeHash?: Uint8Array,
    ms = 1_000,
  ): Promise<void> =>
    this.#token(by, commit, { type: 'rekey', secret, ...(welcomeHash ? { welcomeHash } : {}) }, ms);

  #token(by: Person, commit: About, draft: Draft, ms: number): Promise<void> {
    const { id, person } = this.bos;
    const item = sealedToken(this.of.source, by, person, this.room.relay.prekey(id), commit, draft);
    return this.#put({ kind: 'inbox', key: person.identity.card.fingerprint }, item, ms);
  }

  /** Bo goes on by this commit, and so do the others. */
  readonly follow = async (by: Person, next: Step): Promise<void> => {
    await this.hand(by, next);
    await this.show(next);
    this.of = knownIn(this.bos.store, this.of.source);
  };

  /** The welcome of a commit, or of another one (`about`), put into its channel now or when told to. */
  readonly welcome = async (
    { commit, joiner }: Pick<Step, 'commit' | 'joiner'>,
    { put = true, about = commit, roster = applyChanges(this.of.roster, about.changes) } = {},
  ): Promise<{ hash: Uint8Array; access: ChannelAccess; publish: () => Promise<void> }> => {
    const cards = roster.map(
      ({ fingerprint }) =>
        this.people.find(({ identity }) => equal(identity.card.fingerprint, fingerprint))!.identity.card,
    );
    const { hash, chunks } = sealWelcome(joiner, about, roster, cards, systemRandom(16));
    const access = groupChannel(welcomeSecrets(joiner).channelSeed);
    const publish = async () => {
      for (const chunk of chunks) await this.#put(access.channel, chunk, 1_000);
    };
    if (put) await publish();
    return { hash, access, publish };
  };

  /** Bo is brought into the epoch of this commit, whatever was before. */
  readonly bring = async (by: Person, made: Step, roster: Roster = this.of.roster): Promise<void> => {
    const { hash: welcomeHash } = await this.welcome(made, { roster });
    await this.#token(by, made.commit, { type: 'rejoin', secret: made.joiner, welcomeHash }, 2_000);
  };

  /** What was said in this epoch's channel to be the next commit, since so many envelopes. */
  readonly answers = (since: number): string[] =>
    this.room.relay.seen.slice(since).flatMap(({ channel, envelope }) => {
      if (!equal(channel.key, this.of.access.channel.key)) return [];
      const { kind, data } = openEnvelope(this.of.epoch.seal_key, envelope);
      return kind === 'frontier' ? [toHex(parseFrontier(data).next)] : [];
    });
}

/** The commit after this one, or of a later epoch, of which nobody knows more than this. */
export const later = ({ commit }: Step, epoch = commit.epoch + 1): { commit: About; secret: Uint8Array } => ({
  commit: { group: commit.group, epoch, hash: systemRandom(32) },
  secret: systemRandom(32),
});

/** A secret that was kept for this epoch. */
export const spare = (
  { group, bos }: Trio,
  { identity }: Person,
  epoch: number,
): { put: 'rekey'; row: Tables['rekey'] } => ({
  put: 'rekey',
  row: {
    chat: bos.store.all('chat').find(({ id }) => toHex(id) === group)!.id,
    epoch,
    commit_hash: systemRandom(32),
    sender: identity.card.fingerprint,
    secret: systemRandom(32),
    welcome_hash: new Uint8Array(32),
    at: 0,
  },
});
