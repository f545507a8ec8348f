import { toHex, utf8 } from '../../src/crypto/bytes.js';
import type { sealEnvelope } from '../../src/protocol/channel.js';
import { openEnvelope } from '../../src/protocol/channel.js';
import { applyChanges, MAX_SQN, type CommitBody, type RosterChange } from '../../src/protocol/commit.js';
import { makeFrontier } from '../../src/protocol/frontier.js';
import { inboxKey } from '../../src/protocol/identity.js';
import { sealInboxItem } from '../../src/protocol/inbox.js';
import { makeLeave } from '../../src/protocol/leave.js';
import { advanceChain } from '../../src/protocol/message.js';
import { LOST_REASONS, makeRejoinRequest } from '../../src/protocol/rejoin.js';
import { makeResend } from '../../src/protocol/resend.js';
import { rosterHash } from '../../src/protocol/roster.js';
import { commitBy, envelopeOf, forge, knownIn, sealedToken, type Known } from '../helpers/forging.js';
import type { Player } from './player.js';
import type { World } from './world.js';

export const CRIMES = [
  'speaks',
  'says two things',
  'jumps ahead',
  'speaks as another',
  'echoes',
  'lies about what it has',
  'asks for everything',
  'babbles',
  'commits what it may not',
  'renews badly',
  'renews twice',
  'gives tokens of nothing',
  'asks to be brought back',
  'says that somebody leaves',
] as const;
export type Crime = (typeof CRIMES)[number];

const DAY = 24 * 60 * 60 * 1000;

/** What a member does that has its own keys and its group's secrets, breaks every rule, and has the relay's help. */
export class Malice {
  #count = 0;

  constructor(
    private readonly world: World,
    readonly me: Player,
  ) {}

  commit(crime: Crime): void {
    const { world, me } = this;
    if (!me.store || !world.chat(me)) return;
    const { chance, time } = world;
    const of = knownIn(me.store, { random: chance.bytes, now: () => time.now });
    world.say(me, crime);
    this.#do(of, crime);
  }

  #do(of: Known, crime: Crime): void {
    const { chance } = this.world;
    switch (crime) {
      case 'speaks':
        return this.#publish(of, this.#message(of), this.#some());
      case 'says two things': {
        const [these, others] = this.#halves();
        this.#publish(of, this.#message(of), these);
        return this.#publish(of, this.#message(of), others);
      }
      case 'jumps ahead':
        return this.#publish(of, this.#message(this.#ahead(of, 1 + chance.upTo(5))), this.#some());
      case 'speaks as another': {
        const { length } = of.roster;
        if (length === 1) return;
        const place = (of.at.place + 1 + chance.upTo(length - 1)) % length;
        return this.#publish(of, forge(of, this.me.person, 'forged', {}, { place }).envelope);
      }
      case 'echoes':
        return this.#echo(of);
      case 'lies about what it has':
        return this.#lie(of);
      case 'asks for everything': {
        const sqns = Array.from({ length: 1 + chance.upTo(20) }, (_, i) => i + 1);
        const resend = { ...of.at, of: this.#place(of), sqns };
        return this.#seal(of, 'resend', makeResend(this.#key, of.commit.hash, resend));
      }
      case 'babbles':
        return this.#babble(of);
      case 'commits what it may not':
        return this.#unlawful(of);
      case 'renews badly':
        return this.#renew(of, this.#some(), {
          ...(chance.once(0.3) ? { joinerHash: chance.bytes(32) } : {}),
          ...(chance.once(0.5) ? { cut: of.roster.map(() => chance.upTo(8)) } : {}),
          ...(chance.once(0.3) ? { time: this.world.time.now + 1000 * DAY * (chance.upTo(3) - 1) } : {}),
        });
      case 'renews twice': {
        const [these, others] = this.#halves();
        this.#renew(of, these);
        return this.#renew(of, others);
      }
      case 'gives tokens of nothing':
        return this.#tokens(of);
      case 'asks to be brought back':
        return this.#ask(of);
      case 'says that somebody leaves':
        return this.#leave(of);
    }
  }

  get #key() {
    return this.me.person.identity.signKey;
  }

  get #others(): readonly Player[] {
    return this.world.players.filter((player) => player !== this.me);
  }

  /** Everybody, or those whom the relay shows it to. */
  #some(): ReadonlySet<string> | undefined {
    return this.world.chance.once(0.5) ? undefined : this.#halves()[0];
  }

  #halves(): [Set<string>, Set<string>] {
    const halves: [Set<string>, Set<string>] = [new Set(), new Set()];
    for (const { fingerprint } of this.#others) halves[this.world.chance.upTo(2)]!.add(fingerprint);
    return halves;
  }

  #place = ({ roster }: Known): number => this.world.chance.upTo(roster.length);

  #publish({ access }: Pick<Known, 'access'>, envelope: Uint8Array, readers?: ReadonlySet<string>): void {
    this.world.relay.put(access.channel, envelope, `malice ${this.#count++}`, readers);
  }

  #seal(of: Known, kind: Parameters<typeof sealEnvelope>[1], data: Uint8Array, readers = this.#some()): void {
    this.#publish(of, envelopeOf(of, kind, data), readers);
  }

  #drop(to: Player, item: Uint8Array): void {
    const key = to.person.identity.card.fingerprint;
    this.world.relay.put({ kind: 'inbox', key }, item, `malice ${this.#count++}`);
  }

  /** A message that its own keys make: whoever shows it shows it rightly. */
  #message(of: Known): Uint8Array {
    const { world, me } = this;
    const text = world.willSay(me);
    return forge(of, me.person, text).envelope;
  }

  /** As if some messages had been sent that nobody will ever see. */
  #ahead(of: Known, count: number): Known {
    const row = of.members[of.at.place]!;
    if (row.next_sqn + count > MAX_SQN) return of;
    const { chain } = advanceChain(row.chain, row.next_sqn, row.next_sqn + count - 1);
    const jumped = { ...row, chain, next_sqn: row.next_sqn + count, last_hash: this.world.chance.bytes(32) };
    return { ...of, members: of.members.with(of.at.place, jumped) };
  }

  /** Something that once was in a channel of this group, or a part of it, sealed anew. */
  #echo(of: Known): void {
    const { world } = this;
    const { envelope } = world.chance.pick(world.relay.seen.slice(-100))!;
    for (const { seal_key } of this.me.store!.all('epoch')) {
      try {
        const { kind, data } = openEnvelope(seal_key, envelope);
        const flipped = data.slice();
        if (world.chance.once(0.3)) flipped[world.chance.upTo(data.length)]! ^= 1 << world.chance.upTo(8);
        return this.#seal(of, kind, flipped);
      } catch {
        // Of another epoch.
      }
    }
  }

  #lie(of: Known): void {
    const { chance } = this.world;
    const entries = of.members.flatMap(({ next_sqn, last_hash }, place) =>
      chance.once(0.5)
        ? [
            {
              place,
              sqn: 1 + chance.upTo(next_sqn + 2),
              hash: chance.once(0.5) ? last_hash : chance.bytes(32),
            },
          ]
        : [],
    );
    const place = chance.once(0.5) ? this.#place(of) : of.at.place;
    const next = chance.once(0.3) ? chance.bytes(32) : new Uint8Array(0);
    this.#seal(of, 'frontier', makeFrontier(this.#key, of.commit.hash, { ...of.at, place, entries, next }));
  }

  #babble(of: Known): void {
    const { chance } = this.world;
    const bytes = chance.bytes(1 + chance.upTo(400));
    if (chance.once(0.3)) return this.#publish(of, bytes);
    if (chance.once(0.3)) return this.#drop(chance.pick(this.#others)!, bytes);
    const kind = chance.pick(['message', 'commit', 'frontier', 'resend'] as const)!;
    this.#seal(of, kind, bytes);
  }

  /** Of who is no admin; of an admin some of it is lawful, which ends what the model can promise. */
  #unlawful(of: Known): void {
    const { chance } = this.world;
    const somebody = of.roster[this.#place(of)]!.fingerprint;
    const change = (change: RosterChange): Partial<CommitBody> => ({
      changes: [change],
      rosterHash: rosterHash(applyChanges(of.roster, [change])),
    });
    const mine = of.roster[of.at.place]!.fingerprint;
    const spare = this.#others.find(({ fingerprint }) =>
      of.roster.every((each) => toHex(each.fingerprint) !== fingerprint),
    );
    const body = chance.pick<Partial<CommitBody>>([
      change({ type: 'role', fingerprint: mine, role: 'admin' }),
      change({ type: 'remove', fingerprint: somebody, leave: new Uint8Array(0) }),
      { parent: chance.bytes(32) },
      { rosterHash: chance.bytes(32) },
      { committer: somebody },
      { epoch: of.at.epoch + 2 },
      { group: chance.bytes(16) },
      { cut: [0] },
      { title: '' },
      { reason: 'reset', cut: [] },
      ...(spare
        ? [
            change({
              type: 'add',
              fingerprint: spare.person.identity.card.fingerprint,
              role: 'member',
              cardHash: spare.person.identity.card.hash,
            }),
          ]
        : []),
    ])!;
    this.#renew(of, this.#some(), body);
  }

  /** A commit, and what it pleases of the tokens that belong to it. */
  #renew(of: Known, readers: ReadonlySet<string> | undefined, body: Partial<CommitBody> = {}): void {
    const { chance } = this.world;
    if (of.roster[of.at.place]!.role === 'admin') this.world.usurped = true;
    const { commit, secret, envelope } = commitBy(of, this.me.person, body);
    const generous = chance.once(0.5);
    for (const player of this.#others) {
      if (readers && !readers.has(player.fingerprint)) continue;
      if (!generous && chance.once(0.4)) continue;
      const given = generous || chance.once(0.6) ? secret : chance.bytes(32);
      this.#token(of, player, commit, { type: 'rekey', secret: given });
    }
    this.#publish(of, envelope, readers);
  }

  #token(
    of: Known,
    to: Player,
    commit: Parameters<typeof sealedToken>[4],
    draft: Parameters<typeof sealedToken>[5],
  ): void {
    const offered = this.world.relay.prekey(to.fingerprint);
    const newest = offered.length > 0 ? offered : undefined;
    this.#drop(to, sealedToken(of.source, this.me.person, to.person, newest, commit, draft));
  }

  #tokens(of: Known): void {
    const { chance } = this.world;
    const to = chance.pick(this.#others)!;
    const commit = { group: of.at.group, epoch: of.at.epoch + chance.upTo(4), hash: chance.bytes(32) };
    if (chance.once(0.5)) return this.#token(of, to, commit, { type: 'rekey', secret: chance.bytes(32) });
    const welcomeHash = chance.bytes(32);
    this.#token(of, to, commit, { type: 'rejoin', secret: chance.bytes(32), welcomeHash });
  }

  #ask(of: Known): void {
    const { chance, time } = this.world;
    const { identity, prekey } = this.me.person;
    const to = chance.pick(this.#others)!;
    const request = makeRejoinRequest(identity.signKey, {
      group: of.at.group,
      from: identity.card.fingerprint,
      epoch: of.at.epoch,
      commitHash: chance.once(0.5) ? of.commit.hash : chance.bytes(32),
      prekey: prekey.signed,
      reason: chance.pick(LOST_REASONS)!,
      time: chance.once(0.5) ? time.now : time.now + DAY,
    });
    const key = inboxKey(to.person.identity.card);
    this.#drop(to, sealInboxItem(key, { type: 'rejoin-request', request }, chance.bytes(16)));
  }

  #leave(of: Known): void {
    const { chance } = this.world;
    const member = of.roster[chance.once(0.5) ? of.at.place : this.#place(of)]!.fingerprint;
    const successor = of.roster[this.#place(of)]!.fingerprint;
    const { group, epoch } = of.at;
    const parent = chance.once(0.8) ? of.commit.hash : chance.bytes(32);
    const statement = makeLeave(this.#key, { group, epoch, parent, member, successor });
    const content = chance.once(0.8) ? statement : utf8('goodbye');
    this.#publish(of, forge(of, this.me.person, '', { kind: 'leave', content }).envelope, this.#some());
  }
}
