import { equal } from '../crypto/bytes.js';
import { UserError } from '../protocol/errors.js';
import { makeLeave, openLeave } from '../protocol/leave.js';
import { decodePayload, MESSAGE_ID_BYTES } from '../protocol/payload.js';
import type { Chat } from './chat.js';

/** Leaving a group: a statement of one's own, until a commit takes it up. */
export class Leaving {
  constructor(private readonly chat: Chat) {}

  /**
   * Tells the others that I leave; a commit of one of them ends it. The only admin names a successor (fingerprint).
   * Throws UserError.
   */
  async leave(successor: Uint8Array = new Uint8Array(0)): Promise<void> {
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
    await this.#sendLeave(onlyAdmin ? successor : new Uint8Array(0));
  }

  /** My statement holds for one epoch: it is made again in the next if that did not remove me. */
  async still(): Promise<void> {
    if (this.chat.epoch.members.length === 1) await this.leave();
    else await this.#sendLeave(this.#successor());
  }

  /** Whom a leaving sole admin names: whom it named before, if still there. */
  #successor(): Uint8Array {
    const { epoch } = this.chat;
    const admins = epoch.members.filter(({ row }) => row.role === 'admin');
    if (admins.length !== 1 || admins[0] !== epoch.me) return new Uint8Array(0);
    const before = this.#named();
    const others = epoch.members.filter((member) => member !== epoch.me);
    const heir =
      others.find(({ row }) => equal(row.fingerprint, before)) ??
      others.find(({ row }) => row.presence === 'present') ??
      others[0];
    return heir?.row.fingerprint ?? new Uint8Array(0);
  }

  /** Whom my last leave statement named; empty if nobody. */
  #named(): Uint8Array {
    const { outbox, identity } = this.chat.session;
    const { fingerprint, signKey } = identity.card;
    const leaves = outbox.ofChat(this.chat.row.id).flatMap(({ payload }) => {
      const said = payload.length > 0 ? decodePayload(payload) : undefined;
      return said?.kind === 'leave' ? [openLeave(said.content, fingerprint, signKey)] : [];
    });
    return leaves.at(-1)?.successor ?? new Uint8Array(0);
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
