import { equal, toHex } from '../crypto/bytes.js';
import { openPrekey, type Card, type Prekey } from '../protocol/card.js';
import type { Commit } from '../protocol/commit.js';
import { ProtocolError, UserError } from '../protocol/errors.js';
import { inboxKey } from '../protocol/identity.js';
import { sealInboxItem, verifyPrekeyGone, type InboxItem } from '../protocol/inbox.js';
import { parseToken, sealToken, signTokens, wrapJob, type TokenDraft } from '../protocol/invitation.js';
import type { Roster } from '../protocol/roster.js';
import { epochSecrets, SECRET_BYTES, welcomeSecrets } from '../protocol/schedule.js';
import { sealWelcome } from '../protocol/welcome.js';
import type { Change, Tables } from '../store/schema.js';
import type { Recipient } from './committing.js';
import { groupChannel } from './connection.js';
import { epochRows, foundGroup } from './found.js';
import { BARRIER } from './outbox.js';
import type { Session } from './session.js';
import { forEachOf, inTurns, turn } from './turns.js';

const NO_WELCOME = new Uint8Array(SECRET_BYTES);
/** Tokens made in one turn of the event loop. */
const PAUSE_EVERY = 16;

/** Groups I make, and the tokens that carry the secrets of my commits. */
export class Inviting {
  constructor(private readonly getSession: () => Session) {}

  private get session(): Session {
    return this.getSession();
  }

  /** Founds a group. Gives the row to load, and welcome and tokens, to be released then. Throws UserError. */
  async found(
    title: string,
    others: readonly Card[],
  ): Promise<{ chat: Tables['chat']; outgoing: Tables['outbox'][] }> {
    const { identity, effects } = this.session;
    const now = effects.clock.now();
    const founded = foundGroup(identity, title, others, effects.random, now);
    const { commit, roster, place, joiner } = founded;
    const recipients = await forEachOf(others, async (card): Promise<Recipient> => ({
      card,
      type: 'join',
      prekey: await this.prekey(card),
    }));
    const made = await this.tokens(commit, roster, joiner, joiner, recipients);
    const secrets = await inTurns(epochSecrets(joiner, commit.hash, roster.length));
    const rows = epochRows(commit, roster, place, secrets, now);
    await this.session.record([
      { put: 'chat', row: rows.chat },
      { put: 'epoch', row: rows.epoch },
      ...rows.members.map((row): Change => ({ put: 'member', row })),
      ...made.changes,
      ...made.rows.map((row): Change => ({ put: 'outbox', row })),
    ]);
    return { chat: rows.chat, outgoing: made.rows };
  }

  /**
   * What carries a commit's secret to everyone: the welcome, if somebody needs one, and a token each; who has unusable
   * keys gets none. `secret` is the commit secret for who stays; who joins gets the joiner secret. `contested`: another
   * commit may win; who joins is told once this one has.
   */
  async tokens(
    commit: Commit,
    roster: Roster,
    joiner: Uint8Array,
    secret: Uint8Array,
    recipients: readonly Recipient[],
    contested = false,
  ): Promise<{ rows: Tables['outbox'][]; changes: Change[] }> {
    const { identity, effects, outbox, settings } = this.session;
    const about = { chat: commit.group, epoch: commit.epoch, sqn: 0 };
    const rows: Tables['outbox'][] = [];
    let welcomeHash: Uint8Array = NO_WELCOME;
    if (recipients.some(({ type }) => type !== 'rekey')) {
      const cards = [identity.card, ...recipients.map(({ card }) => card)].sort((a, b) =>
        Buffer.compare(a.fingerprint, b.fingerprint),
      );
      const welcome = sealWelcome(joiner, commit, roster, cards, effects.random(16));
      welcomeHash = welcome.hash;
      const access = groupChannel(welcomeSecrets(joiner).channelSeed);
      for (const envelope of welcome.chunks) rows.push(outbox.make({ ...about, access, envelope }));
    }
    const jobs: { draft: TokenDraft; job: ReturnType<typeof wrapJob> }[] = [];
    for (const [i, { card: to, type, prekey }] of recipients.entries()) {
      await this.#pause(i);
      if (!prekey) continue;
      const draft = { type, to, prekey, secret: type === 'rekey' ? secret : joiner, welcomeHash };
      jobs.push({ draft, job: wrapJob(identity, draft, effects.random) });
    }
    const wrapped = await effects.wrap(jobs.map(({ job }) => job));
    const content = {
      time: effects.clock.now(),
      group: commit.group,
      epoch: commit.epoch,
      commitHash: commit.hash,
    };
    const unsigned: ReturnType<typeof sealToken>[] = [];
    for (const [i, { draft, job }] of jobs.entries()) {
      unsigned.push(sealToken(identity, content, draft, job, wrapped[i], effects.random));
      await this.#pause(i);
    }
    const tokens = signTokens(identity, unsigned);
    const changes: Change[] = [];
    for (const [i, { draft }] of jobs.entries()) {
      const { to: card, type } = draft;
      const token = tokens[i];
      await this.#pause(i);
      if (!token) {
        effects.log(`no token for a member: its keys can’t be used`);
        continue;
      }
      const item: InboxItem = type === 'rekey' ? { type, token } : { type, token, card: identity.card.bytes };
      rows.push(
        outbox.make({
          ...about,
          access: { channel: { kind: 'inbox', key: card.fingerprint } },
          envelope: sealInboxItem(inboxKey(card), item, effects.random(16)),
          barrier: contested && type !== 'rekey' ? BARRIER.won : BARRIER.trusted,
        }),
      );
      if (type === 'join') {
        const { hash } = parseToken(token, type, card.fingerprint);
        const expires = content.time + settings.inviteLifetime;
        changes.push({
          put: 'invited',
          row: { chat: commit.group, fingerprint: card.fingerprint, token: hash, expires },
        });
      }
    }
    return { rows, changes };
  }

  /** Lets the others have a turn, now and then. */
  async #pause(i: number): Promise<void> {
    if (i % PAUSE_EVERY === 0 && i > 0) await turn();
  }

  /** An invitee no longer keeps the prekey a token of mine used: it is invited again, by a commit, under its newest. */
  async prekeyGone(item: InboxItem & { type: 'prekey-gone' }, changes: Change[]): Promise<void> {
    const { store, contacts, effects } = this.session;
    const card = contacts.get(item.from);
    const invited = store
      .all('invited', { fingerprint: item.from })
      .find(({ token, expires }) => equal(token, item.tokenHash) && expires > effects.clock.now());
    const chat = invited && this.session.chat(invited.chat);
    if (!card || !chat) throw new ProtocolError('not-for-me', 'A prekey for no invitation of mine.');
    if (!verifyPrekeyGone(item, card.signKey))
      throw new ProtocolError('bad-signature', 'A prekey notice is not signed by its sender.');
    openPrekey(item.prekey, card.signKey);
    if (!chat.rejoining.mayBring(item.from))
      throw new ProtocolError('too-many', 'Somebody asks too often to be invited anew.');
    changes.push(...chat.committing.want('invite', item.from, item.prekey));
    await this.session.record(changes);
    chat.committing.look();
  }

  /** The newest prekey that is known: the directory's if it is genuine, else the card's. */
  async prekey(card: Card): Promise<Prekey> {
    const offered = await this.session.connection.getPrekey(card.fingerprint);
    try {
      const prekey = offered && openPrekey(offered, card.signKey);
      return prekey && prekey.time > card.prekey.time ? prekey : card.prekey;
    } catch (error) {
      this.session.effects.log(`prekey from the directory refused: ${(error as Error).message}`);
      return card.prekey;
    }
  }

  /** The cards behind fingerprints picked by a person. Throws UserError. */
  pick(fingerprints: readonly string[]): Card[] {
    const { contacts, identity } = this.session;
    const unique = [...new Set(fingerprints)];
    if (unique.includes(toHex(identity.card.fingerprint)))
      throw new UserError('oneself', 'You are in the group anyway. Pick other people.');
    const known = new Map(contacts.all().map((contact) => [toHex(contact.card.fingerprint), contact]));
    return unique.map((fingerprint) => {
      const contact = known.get(fingerprint);
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
