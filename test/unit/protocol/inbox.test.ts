import { beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/crypto/hash.js';
import { openPrekey } from '../../../src/protocol/card.js';
import { inboxKey } from '../../../src/protocol/identity.js';
import {
  makePrekeyGone,
  openInboxItem,
  sealInboxItem,
  verifyPrekeyGone,
  type InboxItem,
} from '../../../src/protocol/inbox.js';
import { MAX_INBOX_ENVELOPE } from '../../../src/protocol/wire.js';
import { inviteTo, makeGroup } from '../../helpers/group.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { codeOf } from '../../helpers/tamper.js';

let ada: Person;
let bob: Person;
let eve: Person;
beforeAll(async () => {
  [ada, bob, eve] = await makePeople(['Ada', 'Bob', 'Eve']);
});

const salt = new Uint8Array(16);
const someToken = new Uint8Array(100).fill(3);

describe('an inbox item', () => {
  it('of every kind comes back', () => {
    const items: InboxItem[] = [
      { type: 'join', token: someToken, card: ada.identity.card.bytes },
      { type: 'rekey', token: someToken },
      { type: 'rejoin', token: someToken, card: ada.identity.card.bytes },
      { type: 'rejoin-request', request: someToken },
      makePrekeyGone(bob.identity.signKey, bob.identity.card.fingerprint, sha256(), bob.prekey.signed),
    ];
    const key = inboxKey(bob.identity.card);
    for (const item of items) expect(openInboxItem(key, sealInboxItem(key, item, salt))).toEqual(item);
  });

  it('is closed to whoever has another card, and refused if damaged', () => {
    const envelope = sealInboxItem(inboxKey(bob.identity.card), { type: 'rekey', token: someToken }, salt);
    expect(codeOf(() => openInboxItem(inboxKey(ada.identity.card), envelope))).toBe('malformed');
    expect(codeOf(() => openInboxItem(inboxKey(bob.identity.card), envelope.subarray(1)))).toBe('malformed');
    const large = new Uint8Array(MAX_INBOX_ENVELOPE + 1);
    expect(codeOf(() => openInboxItem(inboxKey(bob.identity.card), large))).toBe('malformed');
  });

  it('shows the relay neither names nor keys of the card inside', () => {
    const group = makeGroup(ada, [bob]);
    const item = { type: 'join' as const, token: inviteTo(group, bob), card: ada.identity.card.bytes };
    const envelope = Buffer.from(sealInboxItem(inboxKey(bob.identity.card), item, salt));
    expect(envelope.length).toBeLessThan(MAX_INBOX_ENVELOPE);
    expect(envelope.includes(Buffer.from('Ada'))).toBe(false);
    expect(envelope.includes(Buffer.from(ada.identity.card.fingerprint))).toBe(false);
  });
});

describe('“prekey gone”', () => {
  it('is signed by the prekey’s owner, for one token', () => {
    const tokenHash = sha256(someToken);
    const { fingerprint } = bob.identity.card;
    const gone = makePrekeyGone(bob.identity.signKey, fingerprint, tokenHash, bob.prekey.signed);
    if (gone.type !== 'prekey-gone') throw new Error('another item');
    expect(verifyPrekeyGone(gone, bob.identity.card.signKey)).toBe(true);
    expect(openPrekey(gone.prekey, bob.identity.card.signKey).id).toEqual(bob.prekey.prekey.id);
    expect(verifyPrekeyGone(gone, eve.identity.card.signKey)).toBe(false);
    for (const change of [
      { from: eve.identity.card.fingerprint },
      { tokenHash: sha256() },
      { prekey: eve.prekey.signed },
    ])
      expect(verifyPrekeyGone({ ...gone, ...change }, bob.identity.card.signKey)).toBe(false);
  });
});
