import { equal } from '../crypto/bytes.js';
import type { Commit } from '../protocol/commit.js';
import { UserError } from '../protocol/errors.js';
import { makeLeave, openLeave } from '../protocol/leave.js';
import { decodePayload, MESSAGE_ID_BYTES } from '../protocol/payload.js';
import type { Change } from '../store/schema.js';
import type { Chat } from './chat.js';
import { evidenceOf } from './evidence.js';
import type { EpochState, MemberState } from './epochState.js';

const HOUR = 60 * 60 * 1000;
const NOTHING = new Uint8Array(0);

/** Leaving a group: a statement of one's own, until a commit takes it up. */
export class Leaving {
  constructor(private readonly chat: Chat) {}

  /**
   * Tells the others that I leave; a commit of one of them ends it. The only admin names a successor (fingerprint).
   * Throws UserError.
   */
  async leave(successor: Uint8Array = NOTHING): Promise<void> {
    const { epoch } = this.chat;
    const others = epoch.members.filter((member) => member !== epoch.me);
    const admins = epoch.members.filter(({ row }) => row.role === 'admin');
    const onlyAdmin = admins.length === 1 && admins[0] === epoch.me;
    if (others.length > 0 && onlyAdmin && !this.chat.declined) {
      const next = epoch.member(successor);
      if (!next || next === epoch.me)
        throw new UserError(
          'last-admin',
          'You are the only admin of this group. Pick who is to be admin after you.',
        );
    }
    if (!this.chat.declined)
      this.chat.row = { ...this.chat.row, state: others.length > 0 ? 'leaving' : 'left' };
    if (others.length === 0) return this.chat.store([{ put: 'chat', row: this.chat.row }], []);
    await this.#sendLeave(onlyAdmin ? successor : NOTHING);
  }

  /** My statement holds for one epoch: it is made again in the next if that did not remove me. */
  async still(): Promise<void> {
    if (this.chat.epoch.members.length === 1) await this.leave();
    else await this.#sendLeave(this.#successor());
  }

  /** A commit removed me, but it came second where I am: perhaps it came first elsewhere. */
  async released(epoch: EpochState, commit: Commit, position: Change): Promise<void> {
    if (this.chat.row.state !== 'leaving') return;
    const evidence = this.chat.evidence.keep(splitAt(epoch, epoch.me), commit.bytes, NOTHING);
    if (evidence) await this.chat.session.record([evidence, position]);
  }

  /** Hourly. Where the members may have been shown different orders, my word is perhaps never answered: I am out. */
  async look(): Promise<void> {
    const { session, row, epoch, epochs, live, evidence } = this.chat;
    const { outbox, effects } = session;
    if (row.state !== 'leaving' || !live || effects.clock.now() - epoch.row.opened < HOUR) return;
    const said = outbox.ofChat(row.id).filter((each) => each.epoch === epoch.number);
    if (!said.every(({ sqn }) => outbox.isRelayed(row.id, epoch.number, sqn))) return;
    const split = [...epochs.values()].some((each) =>
      each.members.some((member) => evidence.has(splitAt(each, member))),
    );
    if (split) await this.chat.succession.removed(session.identity.card.fingerprint, epoch.number);
  }

  /** Whom a leaving sole admin names: whom it named before, if still there. */
  #successor(): Uint8Array {
    const { epoch } = this.chat;
    const admins = epoch.members.filter(({ row }) => row.role === 'admin');
    if (admins.length !== 1 || admins[0] !== epoch.me) return NOTHING;
    const before = this.#named();
    const others = epoch.members.filter((member) => member !== epoch.me);
    const heir =
      others.find(({ row }) => equal(row.fingerprint, before)) ??
      others.find(({ row }) => row.presence === 'present') ??
      others[0];
    return heir?.row.fingerprint ?? NOTHING;
  }

  /** Whom my last leave statement named; empty if nobody. */
  #named(): Uint8Array {
    const { outbox, identity } = this.chat.session;
    const { fingerprint, signKey } = identity.card;
    const leaves = outbox.ofChat(this.chat.row.id).flatMap(({ payload }) => {
      const said = payload.length > 0 ? decodePayload(payload) : undefined;
      return said?.kind === 'leave' ? [openLeave(said.content, fingerprint, signKey)] : [];
    });
    return leaves.at(-1)?.successor ?? NOTHING;
  }

  async #sendLeave(successor: Uint8Array): Promise<void> {
    const { identity, effects } = this.chat.session;
    const { epoch } = this.chat;
    const content = makeLeave(identity.signKey, {
      group: this.chat.row.id,
      epoch: epoch.number,
      parent: epoch.commit.hash,
      member: identity.card.fingerprint,
      successor,
    });
    await this.chat.sending.send({
      kind: 'leave',
      id: effects.random(MESSAGE_ID_BYTES),
      time: effects.clock.now(),
      content,
    });
  }
}

/** Under what is kept that this member may follow another commit after this epoch than I do. */
export const splitAt = ({ commit }: EpochState, { card }: MemberState): Uint8Array =>
  evidenceOf(card.fingerprint, commit.hash);
