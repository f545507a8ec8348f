import { toHex } from '../crypto/bytes.js';
import { openEnvelope } from '../protocol/channel.js';
import { ProtocolError } from '../protocol/errors.js';
import { makeResend, MAX_ASKED, verifyResend, type ParsedResend } from '../protocol/resend.js';
import type { Chat } from './chat.js';
import type { EpochState, MemberState } from './epochState.js';

/** A gap is asked about when it is this old, ms: most close by themselves. */
const PATIENCE = 1_000;
/** And again after this long, then twice as long each time. */
const AGAIN = 15_000;
const AT_MOST = 60 * 60 * 1000;
/** Who is not the sender waits up to this long before answering, ms, and not at all once somebody did. */
const ANSWER_WITHIN = 2_000;
/** The same message is published again at most this often, ms. */
const ANSWER_EVERY = 10_000;

/** Messages of one sender that are missing: how often they were asked for, and when they are next, ms. */
interface Gap {
  readonly asks: number;
  readonly due: number;
  /** The last that the sender's own messages showed; what others tell may be untrue, and hurries nobody. */
  readonly shown: number;
}

/** Messages that are known to exist and are not here: named, asked for, and given to others who ask. */
export class Repair {
  #cancelLook: () => void = () => undefined;
  /** By epoch and place. */
  readonly #gaps = new Map<string, Gap>();
  /** When each message was last published again, by anyone, ms. */
  readonly #answered = new Map<string, number>();

  constructor(private readonly chat: Chat) {}

  /** By sender, how many messages are missing. */
  view(): { name: string; count: number }[] {
    const counts = new Map<string, number>();
    for (const epoch of this.chat.epochs.values())
      for (const { of, sqns } of epoch.missing())
        counts.set(of.card.name, (counts.get(of.card.name) ?? 0) + sqns.length);
    return [...counts].map(([name, count]) => ({ name, count }));
  }

  /** Asks for what is missing, in a while. */
  look(): void {
    const { clock } = this.chat.session.effects;
    const now = clock.now();
    const missing = this.#missing();
    for (const [key, { of, sqns }] of missing) {
      const gap = this.#gaps.get(key);
      const shown = sqns.findLast((sqn) => sqn < of.row.next_sqn) ?? 0;
      if (gap && shown <= gap.shown) continue;
      this.#gaps.set(key, { asks: 0, due: Math.min(gap?.due ?? Infinity, now + PATIENCE), shown });
    }
    for (const key of this.#gaps.keys()) if (!missing.has(key)) this.#gaps.delete(key);
    this.#cancelLook();
    if (this.#gaps.size === 0) return;
    const due = Math.min(...[...this.#gaps.values()].map((gap) => gap.due));
    this.#cancelLook = clock.after(Math.max(0, due - now), () => void this.#ask());
  }

  #missing(): Map<string, { epoch: EpochState; of: MemberState; place: number; sqns: number[] }> {
    const gaps = [...this.chat.epochs.values()].flatMap((epoch) =>
      epoch.missing().map((gap) => ({ epoch, ...gap })),
    );
    return new Map(gaps.map((gap) => [`${gap.epoch.number} ${gap.place}`, gap]));
  }

  async #ask(): Promise<void> {
    const { chat } = this;
    if (!chat.live || !chat.present) return;
    const { identity, effects } = chat.session;
    const now = effects.clock.now();
    for (const [key, { epoch, place: of, sqns }] of this.#missing()) {
      const gap = this.#gaps.get(key);
      if (!gap || gap.due > now) continue;
      const { asks } = gap;
      this.#gaps.set(key, { ...gap, asks: asks + 1, due: now + Math.min(AT_MOST, AGAIN * 2 ** asks) });
      const { chat: group, epoch: number, place } = epoch.row;
      const asked = { group, epoch: number, place, of, sqns: sqns.slice(0, MAX_ASKED) };
      await chat.publish('resend', makeResend(identity.signKey, epoch.commit.hash, asked));
    }
    this.look();
  }

  /** A member asks. Throws ProtocolError. */
  asked(epoch: EpochState, resend: ParsedResend): void {
    const member = epoch.members[resend.place];
    if (!member || !verifyResend(resend, member.card.signKey, epoch.commit.hash))
      throw new ProtocolError('bad-signature', 'A request is not signed by its member.');
    if (member === epoch.me) return;
    const { effects } = this.chat.session;
    const mine = resend.of === epoch.row.place;
    const share = (effects.random(1)[0] ?? 0) / 256;
    for (const sqn of resend.sqns)
      if (mine || epoch.within(resend.of, sqn))
        effects.clock.after(
          mine ? 0 : ANSWER_WITHIN * (0.1 + 0.9 * share),
          () => void this.#answer(epoch, resend.of, sqn),
        );
  }

  async #answer(epoch: EpochState, place: number, sqn: number): Promise<void> {
    const { chat } = this;
    const { clock } = chat.session.effects;
    const key = keyOf(epoch, place, sqn);
    if (!chat.live || !chat.present || clock.now() - (this.#answered.get(key) ?? -Infinity) < ANSWER_EVERY)
      return;
    const data = this.#held(epoch, place, sqn);
    if (!data) return;
    this.#answered.set(key, clock.now());
    await chat.publish('message', data);
  }

  /** The signed message: an own one from the outbox, another's as it was kept. */
  #held(epoch: EpochState, place: number, sqn: number): Uint8Array | undefined {
    const { store, outbox } = this.chat.session;
    const { id } = this.chat.row;
    if (place !== epoch.row.place)
      return store.all('kept', { chat: id, epoch: epoch.number, place, sqn })[0]?.message;
    const row = outbox.find(id, epoch.number, sqn);
    return row && openEnvelope(epoch.row.seal_key, row.envelope).data;
  }

  /** A message was published, again or for the first time: nobody else needs to. */
  came(epoch: EpochState, place: number, sqn: number): void {
    if (this.#answered.size > 10_000) this.#answered.clear();
    this.#answered.set(keyOf(epoch, place, sqn), this.chat.session.effects.clock.now());
  }

  stop(): void {
    this.#cancelLook();
  }
}

const keyOf = (epoch: EpochState, place: number, sqn: number): string =>
  `${toHex(epoch.commit.hash)} ${place} ${sqn}`;
