import { equal, toHex } from '../crypto/bytes.js';
import { openPrekey, type Card, type Prekey } from '../protocol/card.js';
import { parseCommit, type Commit } from '../protocol/commit.js';
import { ProtocolError, UserError } from '../protocol/errors.js';
import { inboxKey } from '../protocol/identity.js';
import { sealInboxItem, verifyPrekeyGone, type InboxItem } from '../protocol/inbox.js';
import { makeToken, parseToken } from '../protocol/invitation.js';
import { welcomeSecrets } from '../protocol/schedule.js';
import { sealWelcome } from '../protocol/welcome.js';
import type { Change, Tables } from '../store/schema.js';
import { groupChannel } from './connection.js';
import { epochRows, foundGroup } from './found.js';
import type { Session } from './session.js';

/** Groups I make, and the tokens that invite others to them. */
export class Inviting {
  constructor(private readonly session: Session) {}

  /** Founds a group and queues welcome and tokens. Gives the rows to load. Throws UserError. */
  async found(title: string, others: readonly Card[]): Promise<ReturnType<typeof epochRows>> {
    const { identity, effects, outbox } = this.session;
    const now = effects.clock.now();
    const founded = foundGroup(identity, title, others, effects.random, now);
    const { commit, roster, cards, place, joiner } = founded;
    const welcome = sealWelcome(joiner, commit, roster, cards, effects.random(16));
    const access = groupChannel(welcomeSecrets(joiner).channelSeed);
    const prekeys = await Promise.all(others.map((card) => this.#prekey(card)));
    const chunks = welcome.chunks.map((envelope) =>
      outbox.make({ access, envelope, chat: commit.group, epoch: commit.epoch, sqn: 0 }),
    );
    const tokens = others.map((card, i) => {
      const secret = { joiner, welcomeHash: welcome.hash };
      return this.#token(card, prekeys[i]!, commit, secret);
    });
    const rows = epochRows(commit, roster, place, joiner);
    const outgoing = [...chunks, ...tokens.map(({ row }) => row)];
    await this.session.record([
      { put: 'chat', row: rows.chat },
      { put: 'epoch', row: rows.epoch },
      ...rows.members.map((row): Change => ({ put: 'member', row })),
      ...tokens.map(({ invited }): Change => ({ put: 'invited', row: invited })),
      ...outgoing.map((row): Change => ({ put: 'outbox', row })),
    ]);
    outbox.release(...outgoing);
    return rows;
  }

  /** An invitee no longer keeps the prekey a token of mine used: the same secret goes out under its newest. */
  async prekeyGone(item: InboxItem & { type: 'prekey-gone' }, changes: Change[]): Promise<void> {
    const { store, contacts, outbox } = this.session;
    const card = contacts.get(item.from);
    const invited = store
      .all('invited', { fingerprint: item.from })
      .find(
        ({ token, expires }) => equal(token, item.tokenHash) && expires > this.session.effects.clock.now(),
      );
    if (!card || !invited) throw new ProtocolError('not-for-me', 'A prekey for no invitation of mine.');
    if (!verifyPrekeyGone(item, card.signKey))
      throw new ProtocolError('bad-signature', 'A prekey notice is not signed by its sender.');
    const prekey = openPrekey(item.prekey, card.signKey);
    const [epoch] = store.all('epoch', { chat: invited.chat });
    if (!epoch) throw new ProtocolError('not-for-me', 'A prekey for a group that is gone.');
    const commit = parseCommit(epoch.commit);
    const again = this.#token(card, prekey, commit, {
      joiner: invited.joiner,
      welcomeHash: invited.welcome_hash,
    });
    changes.push({ put: 'invited', row: again.invited }, { put: 'outbox', row: again.row });
    await this.session.record(changes);
    outbox.release(again.row);
  }

  /** The newest prekey that is known: the directory's if it is genuine, else the card's. */
  async #prekey(card: Card): Promise<Prekey> {
    const offered = await this.session.connection.getPrekey(card.fingerprint);
    try {
      const prekey = offered && openPrekey(offered, card.signKey);
      return prekey && prekey.time > card.prekey.time ? prekey : card.prekey;
    } catch (error) {
      this.session.effects.log(`prekey from the directory refused: ${(error as Error).message}`);
      return card.prekey;
    }
  }

  #token(
    to: Card,
    prekey: Prekey,
    commit: Commit,
    { joiner, welcomeHash }: { joiner: Uint8Array; welcomeHash: Uint8Array },
  ): { row: Tables['outbox']; invited: Tables['invited'] } {
    const { identity, effects, outbox, settings } = this.session;
    const now = effects.clock.now();
    const { group, epoch, hash: commitHash } = commit;
    const content = { type: 'join', time: now, group, epoch, commitHash, welcomeHash } as const;
    const token = makeToken(identity, to, prekey, content, joiner, effects.random);
    const item = { type: 'join', token, card: identity.card.bytes } as const;
    const row = outbox.make({
      access: { channel: { kind: 'inbox', key: to.fingerprint } },
      envelope: sealInboxItem(inboxKey(to), item, effects.random(16)),
      chat: group,
      epoch,
      sqn: 0,
    });
    const invited = {
      chat: group,
      fingerprint: to.fingerprint,
      token: parseToken(token, 'join', to.fingerprint).hash,
      joiner,
      welcome_hash: welcomeHash,
      expires: now + settings.inviteLifetime,
    };
    return { row, invited };
  }

  /** The cards behind fingerprints picked by a person. Throws UserError. */
  pick(fingerprints: readonly string[]): Card[] {
    const { contacts, identity } = this.session;
    const unique = [...new Set(fingerprints)];
    if (unique.includes(toHex(identity.card.fingerprint)))
      throw new UserError('oneself', 'You are in the group anyway. Pick other people.');
    return unique.map((fingerprint) => {
      const contact = contacts.all().find(({ card }) => toHex(card.fingerprint) === fingerprint);
      if (!contact) throw new UserError('unknown-person', 'One of these people is not among your contacts.');
      if (contact.trust === 'changed')
        throw new UserError(
          'changed-key',
          `The key of ${contact.card.name} is not the one you knew under that name. Nothing is sent to it until you have decided which one is right.`,
        );
      return contact.card;
    });
  }
}
