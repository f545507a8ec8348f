import { fromHex, toHex, utf8 } from '../crypto/bytes.js';
import { UserError } from '../protocol/errors.js';
import { checkName } from '../protocol/names.js';
import { MAX_MEMBERS } from '../shared/limits.js';
import type { Chat } from './chat.js';
import type { MemberState } from './epochState.js';
import type { People } from './people.js';
import type { Session } from './session.js';

/**
 * What people do with a group (its id and fingerprints in hex). What needs a commit is stored as wanted, and done as soon
 * as the relay is there; the history says when it holds. Everything throws UserError.
 */
export class Groups {
  constructor(
    private readonly session: Session,
    private readonly people: People,
    private readonly chat: (group: string) => Chat,
  ) {}

  /** What is shown about a group when asked: its epoch, and since when it has its key (ms). */
  details(group: string): { epoch: number; since: number } {
    const { epoch } = this.chat(group);
    return { epoch: epoch.number, since: epoch.commit.time };
  }

  async add(group: string, fingerprints: readonly string[]): Promise<void> {
    const chat = this.#administered(group);
    this.people.mayMeet(fingerprints);
    const cards = this.session.inviting.pick(fingerprints);
    if (cards.length === 0) throw new UserError('nobody', 'Pick at least one person to add.');
    const known = cards.find((card) => chat.epoch.member(card.fingerprint));
    if (known) throw new UserError('known', `${known.name} is in this group already.`);
    if (chat.epoch.members.length + cards.length > MAX_MEMBERS)
      throw new UserError('too-many', `A group can have at most ${MAX_MEMBERS} members.`);
    await this.#want(
      chat,
      cards.flatMap((card) => chat.committing.want('add', card.fingerprint)),
    );
  }

  async remove(group: string, fingerprint: string): Promise<void> {
    const chat = this.#administered(group);
    const member = this.#member(chat, fingerprint);
    if (member === chat.epoch.me)
      throw new UserError('oneself', 'You can’t remove yourself. Use “Leave group”.');
    await this.#want(chat, chat.committing.want('remove', member.row.fingerprint));
  }

  /** Makes a member an admin, or an admin a member. */
  async setRole(group: string, fingerprint: string, role: 'admin' | 'member'): Promise<void> {
    const chat = this.#administered(group);
    const member = this.#member(chat, fingerprint);
    if (member === chat.epoch.me)
      throw new UserError('oneself', 'You can’t change your own role. Ask another admin.');
    await this.#want(chat, chat.committing.want(role, member.row.fingerprint));
  }

  async rename(group: string, title: string): Promise<void> {
    const chat = this.#administered(group);
    await this.#want(chat, chat.committing.want('title', undefined, utf8(checkName(title))));
  }

  /** Any member may. */
  async renew(group: string): Promise<void> {
    const chat = this.#active(group);
    await this.#want(chat, chat.committing.want('renew'));
  }

  /** The only admin names who is admin next. */
  async leave(group: string, successor?: string): Promise<void> {
    const chat = this.chat(group);
    if (!chat.follows) throw new UserError('over', 'You are not in this group any more.');
    await chat.leaving.leave(successor === undefined ? undefined : fromHex(successor));
  }

  async reset(group: string): Promise<void> {
    await this.chat(group).rejoining.reset();
  }

  async #want(chat: Chat, changes: ReturnType<Chat['committing']['want']>): Promise<void> {
    await this.session.record(changes);
    chat.committing.look();
  }

  #active(group: string): Chat {
    const chat = this.chat(group);
    if (!chat.active) throw new UserError('stopped', chat.stopped ?? 'Nothing can be changed in this group.');
    return chat;
  }

  #administered(group: string): Chat {
    const chat = this.#active(group);
    if (!chat.isAdmin) throw new UserError('no-admin', 'Only an admin of the group can do that.');
    return chat;
  }

  #member(chat: Chat, fingerprint: string): MemberState {
    const member = chat.epoch.members.find(({ row }) => toHex(row.fingerprint) === fingerprint);
    if (!member) throw new UserError('no-member', 'That person is not in this group any more.');
    return member;
  }
}
