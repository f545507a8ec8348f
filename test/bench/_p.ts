import { aesCtr } from '../../src/crypto/aesCtr.js';
import { concat, equal, label } from '../../src/crypto/bytes.js';
import { hkdfSha256, hmacSha256, sha256 } from '../../src/crypto/hash.js';
import { systemRandom as random } from '../../src/crypto/random.js';
import { signPss, verifyPss } from '../../src/crypto/rsa.js';
import { openEnvelope, sealEnvelope } from '../../src/protocol/channel.js';
import { parseMessage, verifyMessage, openMessage, sealMessage, advanceChain } from '../../src/protocol/message.js';
import { encodePayload, decodePayload } from '../../src/protocol/payload.js';
import { makePeople } from '../helpers/people.js';
import { decode as cborDecode, encode as cborEncode } from 'cborg';
import { decode, encode, struct, bytes } from '../../src/protocol/codec.js';
import { quantile, time, ms } from './figures.js';
const [ada] = await makePeople(['Ada']);
const { signKey, card } = ada.identity;
const ch = random(32), key = random(32), chain = random(32);
const payload = { kind: 'text' as const, id: random(16), time: Date.now(), content: new Uint8Array(1024).fill(97), frontier: [] };
const padded = encodePayload(payload);
const m = sealMessage(signKey, ch, chain, { group: random(16), epoch: 1, place: 0, sqn: 1, salt: random(16), previous: random(32) }, padded);
const env = sealEnvelope(key, 'message', m.bytes, random(16));
const parsed = parseMessage(m.bytes);
const mk = advanceChain(chain, 1, 1).messageKey;
const codec = struct({ header: bytes(73), ciphertext: bytes(1, 60000), tag: bytes(32), signature: bytes(1, 1024) });
const L = label('x');
const cases: Record<string, () => unknown> = {
  'openEnvelope': () => openEnvelope(key, env),
  '  hkdf72': () => hkdfSha256(key, L.subarray(0,16), L, 72),
  '  aes1.6k': () => aesCtr(key, key.subarray(0, 8), m.bytes),
  '  hmac1.6k': () => hmacSha256(key, m.bytes),
  'parseMessage': () => parseMessage(m.bytes),
  '  sha1.6k': () => sha256(m.bytes),
  '  cbor decode+re-encode': () => decode(codec, m.bytes, 65536),
  '  cbor decode plain': () => cborDecode(m.bytes),
  '  cbor encode': () => encode(codec, parsed.parts),
  'verifyMessage': () => verifyMessage(parsed, card.signKey, ch),
  '  verifyPss': () => verifyPss(card.signKey, parsed.parts.signature, L, ch, parsed.parts.header, parsed.parts.ciphertext, parsed.parts.tag),
  'advanceChain': () => advanceChain(chain, 1, 1),
  '  hmac 1B x2': () => { hmacSha256(chain, L.subarray(0,1)); hmacSha256(chain, L.subarray(0,1)); },
  'openMessage': () => openMessage(parsed, mk),
  '  aes1.1k': () => aesCtr(key, key.subarray(0, 8), padded),
  '  hmac1.1k': () => hmacSha256(key, padded),
  'decodePayload': () => decodePayload(padded),
  'encodePayload': () => encodePayload(payload),
  'sealEnvelope': () => sealEnvelope(key, 'message', m.bytes, random(16)),
  'concat1.6k': () => concat(L, m.bytes),
  'signPss': () => signPss(signKey, L, ch, m.bytes),
  'random16': () => random(16),
  'equal1.6k': () => equal(m.bytes, m.bytes),
};
const t: Record<string, number[]> = {};
for (let i = 0; i < 1500; i++) for (const [n, f] of Object.entries(cases)) { if (n === 'signPss' && i % 10) continue; const x = time(f); if (i > 300) (t[n] ??= []).push(x); }
for (const [n, v] of Object.entries(t)) console.log(n.padEnd(28), ms(quantile(v, 0.1)), ms(quantile(v, 0.25)), ms(quantile(v, 0.5)));
