import type { EpochState } from '../../src/client/epochState.js';
import { aesCtr } from '../../src/crypto/aesCtr.js';
import { label } from '../../src/crypto/bytes.js';
import { hkdfSha256, hmacSha256, sha256 } from '../../src/crypto/hash.js';
import { systemRandom } from '../../src/crypto/random.js';
import { signPss, verifyPss } from '../../src/crypto/rsa.js';
import { openEnvelope } from '../../src/protocol/channel.js';
import { parseMessage } from '../../src/protocol/message.js';
import { newEpoch, payload, publicKey, signKey } from './epochs.js';
import { atMost, median, quantile, report, time, timed } from './figures.js';

/** Rounds, of which the first warms up, and messages in each. */
const ROUNDS = 9;
const MESSAGES = 150;
const TARGET = 1.15;
const LABEL = label('bench');

/** The inputs of an envelope's primitives, in the very sizes that they have in it. */
function inputsOf(epoch: EpochState, envelope: Uint8Array) {
  const { data } = openEnvelope(epoch.row.seal_key, envelope);
  const { parts, salt } = parseMessage(data);
  return { ...parts, data, salt, key: epoch.row.seal_key, sealed: envelope.subarray(16, -32) };
}
type Inputs = ReturnType<typeof inputsOf>;

/** HKDF, AES-CTR and HMAC of one layer. */
function layer(key: Uint8Array, salt: Uint8Array, head: Uint8Array, body: Uint8Array): void {
  const okm = hkdfSha256(key, salt, LABEL, 72);
  aesCtr(okm.subarray(0, 32), okm.subarray(32, 40), body);
  hmacSha256(okm.subarray(40), head, body);
}

/** What sending and receiving have in common: two layers, a step of the chain, two hashes. */
function symmetric({ key, salt, sealed, header, ciphertext, data }: Inputs): void {
  layer(key, salt, salt, sealed);
  sha256(data);
  hmacSha256(key, LABEL.subarray(0, 1));
  hmacSha256(key, LABEL.subarray(1, 2));
  sha256(header);
  layer(key, salt, header, ciphertext);
}

const signed = ({ header, ciphertext, tag }: Inputs) => [header, ciphertext, tag];

function sendPrimitives(inputs: Inputs): void {
  symmetric(inputs);
  signPss(signKey, LABEL, ...signed(inputs));
}

/** The signature is one over just these inputs: a false one takes another way through the library. */
function receivePrimitives(inputs: Inputs, signature: Uint8Array): void {
  symmetric(inputs);
  if (!verifyPss(publicKey, signature, LABEL, ...signed(inputs))) throw new Error('a signature does not hold');
}

interface Times {
  readonly whole: number[];
  readonly primitives: number[];
}
const none = (): Times => ({ whole: [], primitives: [] });

/** Each in turn goes first: what comes second finds the processor's caches warm. */
function pair(into: Times, turn: number, whole: () => void, primitives: () => void): void {
  if (turn % 2) into.whole.push(timed(whole));
  into.primitives.push(timed(primitives));
  if (turn % 2 === 0) into.whole.push(timed(whole));
}

function round(): { send: Times; receive: Times } {
  const { sender, receiver } = newEpoch();
  const times = { send: none(), receive: none() };
  let { envelope } = sender.send(signKey, payload(), systemRandom);
  receiver.receive(envelope);
  const inputs = inputsOf(sender, envelope);
  const signature = signPss(signKey, LABEL, ...signed(inputs));
  for (let turn = 0; turn < MESSAGES; turn++) {
    const next = payload();
    pair(
      times.send,
      turn,
      () => ({ envelope } = sender.send(signKey, next, systemRandom)),
      () => sendPrimitives(inputs),
    );
    pair(
      times.receive,
      turn,
      () => receiver.receive(envelope),
      () => receivePrimitives(inputs, signature),
    );
  }
  return times;
}

const rounds = Array.from({ length: ROUNDS }, round).slice(1);
for (const [name, what] of [
  ['send', 'send 1 KiB: EpochState.send'],
  ['receive', 'receive 1 KiB: EpochState.receive'],
] as const) {
  const times = rounds.map((each) => each[name]);
  const ratio = median(times.map(({ whole, primitives }) => median(whole) / median(primitives)));
  const [whole, primitives] = [times.flatMap((each) => each.whole), times.flatMap((each) => each.primitives)];
  const best = quantile(whole, 0.1) / quantile(primitives, 0.1);
  report({
    what,
    result: time(median(whole)),
    against: `its primitives ${time(median(primitives))} (undisturbed tenth: ${best.toFixed(2)}×)`,
    ratio,
    ...atMost(ratio, TARGET),
  });
}
