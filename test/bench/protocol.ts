import { EpochState } from '../../src/client/epochState.js';
import { epochRows, foundGroup } from '../../src/client/found.js';
import { aesCtr } from '../../src/crypto/aesCtr.js';
import { concat, equal, label } from '../../src/crypto/bytes.js';
import { hkdfSha256, hmacSha256, sha256 } from '../../src/crypto/hash.js';
import { systemRandom as random } from '../../src/crypto/random.js';
import { signPss, verifyPss } from '../../src/crypto/rsa.js';
import { openEnvelope } from '../../src/protocol/channel.js';
import { parseMessage } from '../../src/protocol/message.js';
import { placeOf } from '../../src/protocol/roster.js';
import { makePeople } from '../helpers/people.js';
import { median, ms, report, time } from './figures.js';

const ROUNDS = 5;
const MESSAGES = 150;
const LABEL = label('message');

const [ada, bo, cy] = await makePeople(['Ada', 'Bo', 'Cy']);
const { signKey, card } = ada.identity;

function newEpochs(): { sender: EpochState; receiver: EpochState } {
  const cards = [bo.identity.card, cy.identity.card];
  const { commit, roster, joiner } = foundGroup(ada.identity, 'Bench', cards, random, Date.now());
  const stateOf = (me: typeof card) => {
    const rows = epochRows(commit, roster, placeOf(roster, me.fingerprint), joiner);
    const members = rows.members.map((row) => ({
      row,
      card: [card, ...cards].find(({ fingerprint }) => equal(fingerprint, row.fingerprint)) ?? card,
      accepted: new Map(),
      skipped: new Map(),
      frontier: new Map(),
    }));
    return new EpochState(rows.epoch, members);
  };
  return { sender: stateOf(card), receiver: stateOf(bo.identity.card) };
}

interface Inputs {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
  readonly commitHash: Uint8Array;
  readonly data: Uint8Array;
  readonly sealed: Uint8Array;
  readonly header: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
  readonly signature: Uint8Array;
}

/** What an envelope consists of: the primitives get inputs of the very sizes they have in it. */
function inputsOf(epoch: EpochState, envelope: Uint8Array): Inputs {
  const { data } = openEnvelope(epoch.row.seal_key, envelope);
  const sealed = envelope.subarray(16, -32);
  const { parts, salt } = parseMessage(data);
  return { ...parts, data, sealed, salt, key: epoch.row.seal_key, commitHash: epoch.commit.hash };
}

const ONE = Uint8Array.of(1);
const TWO = Uint8Array.of(2);

/** HKDF, AES-CTR and HMAC of one layer, and what turns its key into the next. */
function layer(key: Uint8Array, salt: Uint8Array, info: Uint8Array, head: Uint8Array, body: Uint8Array) {
  const okm = hkdfSha256(key, salt, info, 72);
  aesCtr(okm.subarray(0, 32), okm.subarray(32, 40), body);
  return hmacSha256(okm.subarray(40), head, body);
}

function sealedTwice({ key, salt, sealed, header, ciphertext, data, tag }: Inputs): void {
  hmacSha256(key, ONE);
  hmacSha256(key, TWO);
  equal(layer(key, salt, concat(LABEL, sha256(header)), header, ciphertext), tag);
  equal(layer(key, salt, LABEL, salt, sealed), tag);
  sha256(data);
}

function sendPrimitives(inputs: Inputs): void {
  sealedTwice(inputs);
  signPss(signKey, LABEL, inputs.commitHash, inputs.header, inputs.ciphertext, inputs.tag);
}

function receivePrimitives(inputs: Inputs): void {
  sealedTwice(inputs);
  const { signature, commitHash, header, ciphertext, tag } = inputs;
  if (!verifyPss(card.signKey, signature, LABEL, commitHash, header, ciphertext, tag))
    throw new Error('the signature does not hold');
}

const sends: Record<'whole' | 'parts', number[]> = { whole: [], parts: [] };
const receives: Record<'whole' | 'parts', number[]> = { whole: [], parts: [] };
const ratios: { send: number[]; receive: number[] } = { send: [], receive: [] };

for (let round = 0; round <= ROUNDS; round++) {
  const { sender, receiver } = newEpochs();
  const send: typeof sends = { whole: [], parts: [] };
  const receive: typeof receives = { whole: [], parts: [] };
  let inputs: Inputs | undefined;
  for (let i = 0; i < MESSAGES; i++) {
    const payload = {
      kind: 'text',
      id: random(16),
      time: Date.now(),
      content: new Uint8Array(1024).fill(97),
    } as const;
    let envelope: Uint8Array = new Uint8Array(0);
    const steps = [
      () => send.whole.push(time(() => ({ envelope } = sender.send(signKey, payload, random)))),
      () => inputs && send.parts.push(time(() => sendPrimitives(inputs!))),
    ];
    for (const step of i % 2 ? steps : steps.reverse()) step();
    inputs = inputsOf(sender, envelope);
    const steps2 = [
      () => receive.whole.push(time(() => receiver.receive(envelope))),
      () => receive.parts.push(time(() => receivePrimitives(inputs!))),
    ];
    for (const step of i % 2 ? steps2 : steps2.reverse()) step();
  }
  if (round === 0) continue;
  for (const k of ['whole', 'parts'] as const) {
    sends[k].push(...send[k]);
    receives[k].push(...receive[k]);
  }
  ratios.send.push(median(send.whole) / median(send.parts));
  ratios.receive.push(median(receive.whole) / median(receive.parts));
}
report(
  {
    what: 'send',
    result: ms(median(sends.whole)),
    against: ms(median(sends.parts)),
    ratio: median(ratios.send),
  },
  {
    what: 'receive',
    result: ms(median(receives.whole)),
    against: ms(median(receives.parts)),
    ratio: median(ratios.receive),
  },
);
console.log(ratios);
