import type { EpochState } from '../../src/client/epochState.js';
import { aesCtr } from '../../src/crypto/aesCtr.js';
import { concat, label } from '../../src/crypto/bytes.js';
import { hkdfSha256, hmacSha256, sha256 } from '../../src/crypto/hash.js';
import { systemRandom } from '../../src/crypto/random.js';
import { signPss, verifyPss } from '../../src/crypto/rsa.js';
import { openEnvelope } from '../../src/protocol/channel.js';
import { parseMessage } from '../../src/protocol/message.js';
import { newEpoch, receiveOne, payload, publicKey, signKey } from './epochs.js';
import { atMost, median, quantile, report, time, timed } from './figures.js';

/** Epochs, batches in each, messages in a batch. */
const EPOCHS = 12;
const BATCHES = 16;
const BATCH = 10;
/** Receivers of each message: receiving costs a tenth of sending, and takes as many turns until it is compiled. */
const RECEIVERS = 10;
/** Epochs that warm up. */
const WARM_UP = 3;
/** What else the machine does only ever adds to a time: the ratio is that of the times at this share from below. */
const UNDISTURBED = 0.1;
const TARGET = 1.15;
/** What the real calls have in front of their inputs: a label, and for a message's keys and signature a hash. */
const ENVELOPE = label('group envelope');
const KEYS = concat(label('message keys'), sha256());
const SIGNATURE = concat(label('message'), sha256());
const STEP = new Uint8Array(1);

/** The inputs of an envelope's primitives, in the very sizes that they have in it. */
function inputsOf(epoch: EpochState, envelope: Uint8Array) {
  const { data } = openEnvelope(epoch.row.seal_key, envelope);
  const { parts, salt } = parseMessage(data);
  return { ...parts, data, salt, key: epoch.row.seal_key, sealed: envelope.subarray(16, -32) };
}
type Inputs = ReturnType<typeof inputsOf>;

/** HKDF, AES-CTR and HMAC of one layer. */
function layer(
  key: Uint8Array,
  salt: Uint8Array,
  info: Uint8Array,
  head: Uint8Array,
  body: Uint8Array,
): void {
  const okm = hkdfSha256(key, salt, info, 72);
  aesCtr(okm.subarray(0, 32), okm.subarray(32, 40), body);
  hmacSha256(okm.subarray(40), head, body);
}

/** What sending and receiving have in common: two layers, a step of the chain, two hashes. */
function symmetric({ key, salt, sealed, header, ciphertext, data }: Inputs): void {
  layer(key, salt, ENVELOPE, salt, sealed);
  sha256(data);
  hmacSha256(key, STEP);
  hmacSha256(key, STEP);
  sha256(header);
  layer(key, salt, KEYS, header, ciphertext);
}

const signed = ({ header, ciphertext, tag }: Inputs) => [header, ciphertext, tag];

function sendPrimitives(inputs: Inputs): void {
  symmetric(inputs);
  signPss(signKey, SIGNATURE, ...signed(inputs));
}

/** The signature is one over just these inputs: a false one takes another way through the library. */
function receivePrimitives(inputs: Inputs, signature: Uint8Array): void {
  symmetric(inputs);
  if (!verifyPss(publicKey, signature, SIGNATURE, ...signed(inputs)))
    throw new Error('a signature does not hold');
}

interface Times {
  readonly whole: number[];
  readonly primitives: number[];
}

/** Each in turn goes first: what comes second finds the processor's caches warm. */
function pair(into: Times, turn: number, whole: (message: number) => void, primitives: () => void): void {
  const batch = (times: number[], work: (message: number) => void) => {
    const took = timed(() => {
      for (let message = 0; message < BATCH; message++) work(message);
    });
    times.push(took / BATCH);
  };
  if (turn % 2) batch(into.whole, whole);
  batch(into.primitives, primitives);
  if (turn % 2 === 0) batch(into.whole, whole);
}

const send: Times = { whole: [], primitives: [] };
const receive: Times = { whole: [], primitives: [] };

function epoch(): void {
  const { sender, receivers } = newEpoch(RECEIVERS);
  const first = sender.send(signKey, payload(), systemRandom).envelope;
  for (const receiver of receivers) receiveOne(receiver, first);
  const inputs = inputsOf(sender, first);
  const signature = signPss(signKey, SIGNATURE, ...signed(inputs));
  for (let turn = 0; turn < BATCHES; turn++) {
    const payloads = Array.from({ length: BATCH }, payload);
    const envelopes: Uint8Array[] = [];
    pair(
      send,
      turn,
      (message) => envelopes.push(sender.send(signKey, payloads[message]!, systemRandom).envelope),
      () => sendPrimitives(inputs),
    );
    for (const [i, receiver] of receivers.entries())
      pair(
        receive,
        turn + i,
        (message) => receiveOne(receiver, envelopes[message]!),
        () => receivePrimitives(inputs, signature),
      );
  }
}

for (let i = 0; i < EPOCHS; i++) {
  if (i === WARM_UP) for (const times of [send, receive]) times.whole.length = times.primitives.length = 0;
  epoch();
}
for (const [what, { whole, primitives }] of [
  ['send 1 KiB: EpochState.send', send],
  ['receive 1 KiB: EpochState.receive', receive],
] as const) {
  const [least, leastPrimitives] = [quantile(whole, UNDISTURBED), quantile(primitives, UNDISTURBED)];
  report({
    what,
    result: `${time(median(whole))} (undisturbed ${time(least)})`,
    against: `its primitives ${time(median(primitives))} (undisturbed ${time(leastPrimitives)})`,
    ratio: least / leastPrimitives,
    ...atMost(least / leastPrimitives, TARGET),
  });
}
