import { ProtocolError } from '../protocol/errors.js';
import { toHex } from '../crypto/bytes.js';
import { sha256 } from '../crypto/hash.js';
import { inboxKey } from '../protocol/identity.js';
import { openInboxItem, type InboxItem } from '../protocol/inbox.js';
import { parseToken } from '../protocol/invitation.js';
import { peekRejoinRequest } from '../protocol/rejoin.js';
import type { Change } from '../store/schema.js';
import type { Invitations } from './invitations.js';
import type { People } from './people.js';
import type { Session } from './session.js';

/** A token whose sender is not known yet is kept this long, ms. */
const HELD = 7 * 24 * 60 * 60 * 1000;
/** Not above so many items that are held. */
const MAX_HELD = 128;

type RekeyItem = InboxItem & { type: 'rekey' };

/** Everything that comes into the inbox, each kind to who deals with it. */
export class Inbox {
  /** Hashes of what is held and looked at just now. */
  readonly #trying = new Set<string>();

  constructor(
    private readonly session: Session,
    private readonly invitations: Invitations,
    private readonly people: People,
  ) {}

  /** `changes` go into one record with what the item changes. Throws ProtocolError. */
  async item(envelope: Uint8Array, changes: Change[]): Promise<void> {
    const item = this.#open(envelope);
    switch (item.type) {
      case 'join':
        return this.invitations.join(item, envelope, changes);
      case 'prekey-gone':
        this.people.refuse(item.from);
        return this.session.inviting.prekeyGone(item, changes);
      case 'rekey':
        return this.#rekey(item, envelope, changes);
      case 'rejoin': {
        const { group, from } = parseToken(item.token, 'rejoin', this.session.identity.card.fingerprint);
        this.people.refuse(from);
        return this.#chat(group).rejoining.token(item, envelope, changes);
      }
      case 'rejoin-request': {
        const { group, from } = peekRejoinRequest(item.request);
        this.people.refuse(from);
        return this.#chat(group).rejoining.requested(item.request, changes);
      }
    }
  }

  #open(envelope: Uint8Array): InboxItem {
    return openInboxItem(inboxKey(this.session.identity.card), envelope);
  }

  #chat(group: Uint8Array) {
    const chat = this.session.chat(group);
    if (!chat) throw new ProtocolError('wrong-group', 'Something for a group that is not mine.');
    return chat;
  }

  async #rekey({ token }: RekeyItem, envelope: Uint8Array, changes: Change[]): Promise<void> {
    const { effects } = this.session;
    if (await this.#take(token, changes)) return;
    if (this.session.store.all('held').length >= MAX_HELD)
      throw new ProtocolError('too-many', 'More keys of unknown senders than are held at once.');
    const row = { hash: sha256(envelope), envelope, until: effects.clock.now() + HELD };
    await this.session.record([...changes, { put: 'held', row }]);
  }

  /** False if it is to be tried again later. Throws ProtocolError. */
  #take(token: Uint8Array, changes: Change[]): Promise<boolean> {
    const { group } = parseToken(token, 'rekey', this.session.identity.card.fingerprint);
    const chat = this.session.chat(group);
    if (!chat || (!chat.follows && this.invitations.waits(group)))
      return this.invitations.rekey(token, changes);
    return chat.succession.token(token, changes);
  }

  /** Looks again at what was held: all that is due, and every token that waits for its group to move on. */
  async retry(): Promise<void> {
    const { store, effects } = this.session;
    for (const { hash, envelope, until } of store.all('held')) {
      const due = until <= effects.clock.now();
      if (this.#trying.has(toHex(hash))) continue;
      this.#trying.add(toHex(hash));
      try {
        const item = this.#open(envelope);
        if (item.type === 'rekey') {
          const done = await this.#take(item.token, [{ drop: 'held', key: [hash] }]);
          if (!done && due) await this.session.record([{ drop: 'held', key: [hash] }]);
        } else if (due) await this.item(envelope, [{ drop: 'held', key: [hash] }]);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        effects.log(`something held was refused: ${error.code}`);
        await this.session.record([{ drop: 'held', key: [hash] }]);
      } finally {
        this.#trying.delete(toHex(hash));
      }
    }
  }
}
