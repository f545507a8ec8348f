import {
  constants,
  createCipheriv,
  createHash,
  createHmac,
  createPublicKey,
  hkdfSync,
  privateDecrypt,
  randomBytes,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { ml_kem768_x25519 as xwing } from '@noble/post-quantum/hybrid.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { openEnvelope, sealEnvelope } from '../../../src/protocol/channel.js';
import { inboxKey } from '../../../src/protocol/identity.js';
import { openInboxItem, sealInboxItem } from '../../../src/protocol/inbox.js';
import { openMessage, parseMessage, verifyMessage } from '../../../src/protocol/message.js';
import { decodePayload } from '../../../src/protocol/payload.js';
import { chainStep } from '../../../src/protocol/schedule.js';
import { chainOf, inviteTo, makeGroup, place, say, type Group } from '../../helpers/group.js';
import { makePeople, type Person } from '../../helpers/people.js';

/*
 * Bob by hand: docs/PROTOCOL.md with node:crypto, and nothing of src/crypto or src/protocol. (X-Wing is in no other
 * library here.) What Ada's program writes he reads, and the other way round.
 */

type Item = number | string | Uint8Array | readonly Item[];

const join = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const L = (purpose: string): Uint8Array =>
  new Uint8Array(Buffer.from(`Secure Chat 1 ${purpose}\0`, 'latin1'));
const H = (...parts: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(
    createHash('sha256')
      .update(join(...parts))
      .digest(),
  );
const HMAC = (key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(
    createHmac('sha256', key)
      .update(join(...parts))
      .digest(),
  );
const HKDF = (ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', ikm, salt, info, length));
const expand = (prk: Uint8Array, info: Uint8Array): Uint8Array => HMAC(prk, info, Uint8Array.of(1));
const CTR = (key: Uint8Array, nonce: Uint8Array, data: Uint8Array): Uint8Array =>
  new Uint8Array(createCipheriv('aes-256-ctr', key, join(nonce, new Uint8Array(8))).update(data));
const split = (okm: Uint8Array) =>
  [okm.subarray(0, 32), okm.subarray(32, 40), okm.subarray(40)] as [Uint8Array, Uint8Array, Uint8Array];
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
const NONE = new Uint8Array(0);

function unseal(key: Uint8Array, purpose: string, box: Uint8Array): Uint8Array {
  const [salt, ct, tag] = [box.subarray(0, 16), box.subarray(16, -32), box.subarray(-32)];
  const [enc, nonce, mac] = split(HKDF(key, salt, L(purpose), 72));
  expect(HMAC(mac, salt, ct)).toEqual(tag);
  return CTR(enc, nonce, ct);
}
function seal(key: Uint8Array, purpose: string, plain: Uint8Array): Uint8Array {
  const salt = new Uint8Array(randomBytes(16));
  const [enc, nonce, mac] = split(HKDF(key, salt, L(purpose), 72));
  const ct = CTR(enc, nonce, plain);
  return join(salt, ct, HMAC(mac, salt, ct));
}

function head(major: number, value: number): Uint8Array {
  const first = major << 5;
  if (value < 24) return Uint8Array.of(first | value);
  if (value < 256) return Uint8Array.of(first | 24, value);
  if (value < 65536) return Uint8Array.of(first | 25, value >> 8, value & 255);
  const long = Buffer.alloc(9, first | 27);
  long.writeBigUInt64BE(BigInt(value), 1);
  return value < 2 ** 32 ? join(Uint8Array.of(first | 26), long.subarray(5)) : new Uint8Array(long);
}
function cbor(item: Item): Uint8Array {
  if (typeof item === 'number') return head(0, item);
  if (typeof item === 'string') return join(head(3, Buffer.byteLength(item)), Buffer.from(item));
  if (item instanceof Uint8Array) return join(head(2, item.length), item);
  return join(head(4, item.length), ...item.map(cbor));
}
/** All of one item, or it throws. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller knows the shape
function parse<T = Item[]>(data: Uint8Array): T {
  let at = 0;
  const next = (): Item => {
    const [major, minor] = [data[at]! >> 5, data[at++]! & 31];
    const size = minor < 24 ? 0 : 2 ** (minor - 24);
    let value = size === 0 ? minor : 0;
    for (let i = 0; i < size; i++) value = value * 256 + data[at++]!;
    if (major === 0) return value;
    if (major === 4) return Array.from({ length: value }, next);
    const bytes = new Uint8Array(data.subarray(at, (at += value)));
    return major === 2 ? bytes : Buffer.from(bytes).toString();
  };
  const item = next();
  expect(at).toBe(data.length);
  return item as T;
}
type Bytes3 = [Uint8Array, Uint8Array, Uint8Array];

let ada: Person;
let bob: Person;
let group: Group;
let adasKey: KeyObject;
beforeAll(async () => {
  [ada, bob] = await makePeople(['Ada', 'Bob']);
  group = makeGroup(ada, [bob]);
  adasKey = createPublicKey({ key: Buffer.from(ada.identity.card.signSpki), format: 'der', type: 'spki' });
});

const signed = (label: string, signature: Uint8Array, ...parts: readonly Uint8Array[]) =>
  verify('sha256', join(L(label), ...parts), { key: adasKey, ...pss }, signature);

/** From what lies in Bob's inbox to the joiner secret. */
function openInvitation(envelope: Uint8Array): { joiner: Uint8Array; token: Item[] } {
  const key = HKDF(bob.identity.card.transportSpki, NONE, L('inbox'), 32);
  const [tag, token, card] = parse<[number, Uint8Array, Uint8Array]>(unseal(key, 'inbox item', envelope));
  expect(tag).toBe(1);
  const [cardBody, cardSignature] = parse<[Uint8Array, Uint8Array]>(card);
  expect(signed('card', cardSignature, cardBody)).toBe(true);
  const [version, name, spki] = parse(cardBody);
  expect([version, name]).toEqual([1, 'Ada']);

  const [headBytes, secret, index, size, path, signature] =
    parse<[Uint8Array, Uint8Array, number, number, Uint8Array[], Uint8Array]>(token);
  const fields = parse(headBytes);
  const [, type, from, to] = fields;
  expect([type, from, to]).toEqual([0, H(spki as Uint8Array), bob.identity.card.fingerprint]);
  expect([index, size, path]).toEqual([0, 1, []]);
  const leaf = H(join(Uint8Array.of(0), L('join token'), headBytes, secret));
  expect(signed('token batch', signature, leaf)).toBe(true);
  const [block, kem] = fields.slice(11) as [Uint8Array, Uint8Array];
  const opened = privateDecrypt(
    {
      key: bob.identity.transportKey,
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: 'sha256',
      oaepLabel: Buffer.from(L('join token block')),
    },
    block,
  );
  expect(new Uint8Array(opened.subarray(0, 64))).toEqual(join(from as Uint8Array, to as Uint8Array));
  const ss = xwing.decapsulate(kem, bob.prekey.seed);
  const info = join(L('join token key'), H(headBytes));
  const [enc, nonce, mac] = split(HKDF(join(opened.subarray(64), ss), NONE, info, 72));
  expect(HMAC(mac, secret.subarray(0, 32))).toEqual(secret.subarray(32));
  return { joiner: CTR(enc, nonce, secret.subarray(0, 32)), token: fields };
}

/** Bob's keys of the epoch, from joiner secret and commit hash. */
function epochOf(joiner: Uint8Array, commitHash: Uint8Array) {
  const epoch = expand(joiner, join(L('epoch'), commitHash));
  return {
    sealKey: expand(epoch, L('channel seal')),
    chain: (at: number) => expand(epoch, join(L('chain'), Uint8Array.of(at >> 8, at & 255))),
  };
}

describe('another implementation, made from docs/PROTOCOL.md', () => {
  it('reads an invitation, its welcome and a message', () => {
    const item = { type: 'join' as const, token: inviteTo(group, bob), card: ada.identity.card.bytes };
    const envelope = sealInboxItem(inboxKey(bob.identity.card), item, new Uint8Array(16).fill(1));
    const { joiner, token } = openInvitation(envelope);

    const pieces = group.welcome.chunks.map((chunk) => parse<[number, number, Uint8Array]>(chunk));
    const box = join(...pieces.map(([, , data]) => data));
    expect(H(box)).toEqual(token[10]);
    const [commit, roster, cards] = parse<[Uint8Array, [Uint8Array, number, Uint8Array][], Uint8Array[]]>(
      unseal(expand(joiner, L('welcome')), 'welcome', box),
    );
    expect(H(commit)).toEqual(token[8]);
    const [body, signature] = parse<[Uint8Array, Uint8Array]>(commit);
    expect(signed('commit', signature, body)).toBe(true);
    const [version, , epoch, parent, title, changes, rosterHash, committer, reason, joinerHash, cut] =
      parse(body);
    expect([version, epoch, title, reason, cut]).toEqual([1, 1, 'Release plan', 0, []]);
    expect(parent).toEqual(new Uint8Array(32));
    expect(changes).toEqual(roster.map((entry) => [1, ...entry]));
    expect(rosterHash).toEqual(H(L('roster'), cbor(roster)));
    expect(committer).toEqual(ada.identity.card.fingerprint);
    expect(joinerHash).toEqual(H(L('joiner hash'), joiner));
    expect(cards.map((card) => H(card))).toEqual(roster.map(([, , hash]) => hash));

    const at = place(group, ada);
    const keys = epochOf(joiner, H(commit));
    const sent = say(group, ada, 'Shall we ship?').bytes;
    const inner = unseal(
      keys.sealKey,
      'group envelope',
      sealEnvelope(group.secrets.sealKey, 'message', sent, new Uint8Array(16).fill(2)),
    );
    expect(inner[0]).toBe(1);
    const [header, ciphertext, tag, by] = parse<[...Bytes3, Uint8Array]>(inner.subarray(1));
    expect(signed('message', by, H(commit), header, ciphertext, tag)).toBe(true);
    const mk = HMAC(keys.chain(at), Uint8Array.of(1));
    const [enc, nonce, mac] = split(
      HKDF(mk, header.subarray(25, 41), join(L('message keys'), H(header)), 72),
    );
    expect(HMAC(mac, header, ciphertext)).toEqual(tag);
    const padded = CTR(enc, nonce, ciphertext);
    const [kind, , , content] = parse(padded.subarray(0, padded.lastIndexOf(0x80)));
    expect([kind, Buffer.from(content as Uint8Array).toString()]).toEqual([0, 'Shall we ship?']);
  });

  it('writes a message that is read here', () => {
    const at = place(group, bob);
    const keys = epochOf(group.joiner, group.commit.hash);
    const header = join(
      Uint8Array.of(1),
      group.commit.group,
      Uint8Array.of(0, 0, 0, 1, at >> 8, at & 255, 0, 1),
      randomBytes(16),
      group.commit.hash,
    );
    const payload = cbor([0, new Uint8Array(16), Date.now(), new Uint8Array(Buffer.from('Ship it.')), []]);
    const padded = new Uint8Array(256);
    padded.set(join(payload, Uint8Array.of(0x80)));
    const mk = HMAC(keys.chain(at), Uint8Array.of(1));
    const [enc, nonce, mac] = split(
      HKDF(mk, header.subarray(25, 41), join(L('message keys'), H(header)), 72),
    );
    const ciphertext = CTR(enc, nonce, padded);
    const tag = HMAC(mac, header, ciphertext);
    const key = bob.identity.signKey;
    const data = join(L('message'), group.commit.hash, header, ciphertext, tag);
    const signature = new Uint8Array(sign('sha256', data, { key, ...pss }));
    const message = cbor([header, ciphertext, tag, signature]);
    const envelope = seal(keys.sealKey, 'group envelope', join(Uint8Array.of(1), message));

    const opened = openEnvelope(group.secrets.sealKey, envelope);
    expect(opened.kind).toBe('message');
    const read = parseMessage(opened.data);
    expect(verifyMessage(read, bob.identity.card.signKey, group.commit.hash)).toBe(true);
    const plain = openMessage(read, chainStep(chainOf(group, bob)).messageKey);
    expect(Buffer.from(decodePayload(plain!).content).toString()).toBe('Ship it.');
  });

  it('writes an inbox item that is read here', () => {
    const key = HKDF(ada.identity.card.transportSpki, NONE, L('inbox'), 32);
    const envelope = seal(key, 'inbox item', cbor([2, new Uint8Array(300).fill(7)]));
    expect(openInboxItem(inboxKey(ada.identity.card), envelope)).toEqual({
      type: 'rekey',
      token: new Uint8Array(300).fill(7),
    });
  });
});
