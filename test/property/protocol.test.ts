import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { concat, label, toHex } from '../../src/crypto/bytes.js';
import { seal } from '../../src/crypto/sealed.js';
import { openEnvelope, sealEnvelope, type EnvelopeKind } from '../../src/protocol/channel.js';
import { bytes, decode, encode, struct, type Codec } from '../../src/protocol/codec.js';
import { makeCommit, parseCommit, REASONS } from '../../src/protocol/commit.js';
import { ProtocolError, UserError } from '../../src/protocol/errors.js';
import { makeFrontier, parseFrontier } from '../../src/protocol/frontier.js';
import { inboxKey } from '../../src/protocol/identity.js';
import { openInboxItem, sealInboxItem } from '../../src/protocol/inbox.js';
import {
  advanceChain,
  openMessage,
  parseMessage,
  sealMessage,
  verifyMessage,
} from '../../src/protocol/message.js';
import {
  checkName,
  foldName,
  isName,
  nameProblem,
  normaliseName,
  printable,
  sameName,
} from '../../src/protocol/names.js';
import { decodePayload, encodePayload, paddedLength, PAYLOAD_KINDS } from '../../src/protocol/payload.js';
import { welcomeSecrets } from '../../src/protocol/schedule.js';
import { signBody } from '../../src/protocol/signed.js';
import {
  decodeClientFrame,
  decodeRelayFrame,
  encodeClientFrame,
  encodeRelayFrame,
  ERROR_CODES,
  GOAWAY_REASONS,
  MAX_SEQ,
  packFrames,
  unpackFrames,
} from '../../src/protocol/wire.js';
import { everyKind } from '../helpers/objects.js';
import { signedParts, tokenParts } from '../helpers/tamper.js';

let all: Awaited<ReturnType<typeof everyKind>>;
beforeAll(async () => {
  all = await everyKind();
});

const fixed = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const blob = (max: number, min = 0) => fc.uint8Array({ minLength: min, maxLength: max });
const id32 = fixed(32);
const id16 = fixed(16);
const whole = fc.maxSafeNat();
const place = fc.nat(999);
const sqn = fc.integer({ min: 1, max: 999 });
const epoch = fc.integer({ min: 1, max: 2 ** 32 - 1 });

/** One or a few edits of genuine bytes: flipped, overwritten, cut out, doubled, grown. */
const edits = fc.array(fc.record({ at: fc.nat(), how: fc.nat(4), with: blob(12, 1), length: fc.nat(64) }), {
  minLength: 1,
  maxLength: 4,
});
type Edit = typeof edits extends fc.Arbitrary<infer E> ? E : never;
function edited(data: Uint8Array, list: Edit): Uint8Array {
  return list.reduce<Uint8Array>((now, edit) => {
    const at = edit.at % (now.length + 1);
    const [before, after] = [now.subarray(0, at), now.subarray(at)];
    switch (edit.how) {
      case 0:
        return concat(
          before,
          after.subarray(0, 1).map((byte) => byte ^ (1 << (edit.length & 7))),
          after.subarray(1),
        );
      case 1:
        return concat(before, edit.with, after.subarray(edit.with.length));
      case 2:
        return concat(before, after.subarray(edit.length));
      case 3:
        return concat(before, after.subarray(0, edit.length), after);
      default:
        return concat(before, edit.with, after);
    }
  }, data);
}

/** CBOR heads with any length in any of its encodings, nested and followed by anything. */
const cborLike = fc
  .array(
    fc
      .tuple(fc.nat(7), fc.integer({ min: 0, max: 31 }), blob(8))
      .map(([major, minor, rest]) => concat(Uint8Array.of((major << 5) | minor), rest)),
    { maxLength: 40 },
  )
  .map((items) => concat(...items));
const hostile = fc.oneof(
  blob(300),
  cborLike,
  fc.nat(2000).map((depth) => new Uint8Array(depth).fill(0x81)),
  fc
    .tuple(fc.constantFrom(0x5b, 0x7b, 0x9b, 0xbb), fixed(8), blob(20))
    .map(([head, length, rest]) => concat(Uint8Array.of(head), length, rest)),
);

/** Only refusals come out. */
function refuses(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    if (error instanceof ProtocolError || error instanceof UserError) return;
    throw error;
  }
}

describe('every decoder is total', () => {
  it('on anything at all', () => {
    fc.assert(
      fc.property(hostile, (data) => {
        for (const kind of all.kinds) refuses(() => all.handlers[kind](data));
      }),
      { numRuns: 1500 },
    );
  });

  it('on genuine objects after some edits, and none of what is signed or sealed gets through', () => {
    const open = new Set(['payload', 'chunk', 'client frame', 'relay frame', 'packed frames', 'key file']);
    fc.assert(
      fc.property(edits, fc.nat(), (list, which) => {
        const kind = all.kinds[which % all.kinds.length]!;
        const data = edited(all.objects[kind], list);
        if (toHex(data) === toHex(all.objects[kind])) return;
        let passed = false;
        refuses(() => {
          all.handlers[kind](data);
          passed = true;
        });
        if (passed && !open.has(kind)) throw new Error(`a changed ${kind} passed`);
      }),
      { numRuns: 3000 },
    );
  });

  const signedCodec = struct({ body: bytes(0, 1 << 20), signature: bytes(0, 2000) });
  const tokenCodec = struct({ head: bytes(0, 1 << 20), secret: bytes(0, 2000), signature: bytes(0, 2000) });
  const salt = new Uint8Array(16);

  it('under the seals and signatures too, where a member could put anything', () => {
    const { group, bob, handlers, objects } = all;
    const { head } = tokenParts(objects['join token']);
    const signature = new Uint8Array(384);
    const plainWelcome = () => {
      const cards = [...group.cards].map((card) => card.bytes);
      return concat(group.commit.bytes, ...cards);
    };
    fc.assert(
      fc.property(
        fc.oneof(
          hostile,
          edits.map((list) => ({ list })),
        ),
        (input) => {
          const of = (genuine: Uint8Array) => ('list' in input ? edited(genuine, input.list) : input);
          for (const kind of ['commit', 'frontier'] as const) {
            const body = of(signedParts(objects[kind]).body);
            refuses(() => handlers[kind](encode(signedCodec, { body, signature })));
          }
          refuses(() =>
            handlers.card(encode(signedCodec, { body: of(signedParts(objects.card).body), signature })),
          );
          refuses(() =>
            handlers['join token'](
              encode(tokenCodec, { head: of(head), secret: new Uint8Array(64), signature }),
            ),
          );
          const item = of(encode(tokenCodec, { head, secret: salt, signature }));
          refuses(() =>
            handlers['inbox item'](seal(inboxKey(bob.identity.card), label('inbox item'), salt, item)),
          );
          refuses(() =>
            handlers.envelope(seal(group.secrets.sealKey, label('group envelope'), salt, of(salt))),
          );
          const welcome = seal(welcomeSecrets(group.joiner).key, label('welcome'), salt, of(plainWelcome()));
          refuses(() => handlers.welcome(welcome));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('under a genuine signature of a prekey, which is verified before it is read', () => {
    const { ada, handlers } = all;
    fc.assert(
      fc.property(hostile, (body) => {
        if (body.length === 0) return;
        refuses(() => handlers.prekey(signBody(ada.identity.signKey, label('prekey'), body)));
      }),
      { numRuns: 60 },
    );
  });
});

const channel = fc.record({ kind: fc.constantFrom('inbox', 'group'), key: id32 });
const seq = fc.maxSafeNat().map((value) => Math.min(value, MAX_SEQ));
const clientFrames = fc.oneof(
  fc.record({ type: fc.constant('hello'), version: fc.nat(255) }),
  fc.record({ type: fc.constant('auth'), signKey: blob(1100, 1), signature: blob(1024, 1) }),
  fc.record({
    type: fc.constant('pub'),
    channel,
    proof: blob(64),
    idempotencyKey: id16,
    envelope: blob(2000, 1),
  }),
  fc.record({
    type: fc.constant('mpub'),
    entries: fc.array(fc.record({ inbox: id32, idempotencyKey: id16, envelope: blob(200, 1) }), {
      maxLength: 30,
    }),
  }),
  fc.record({ type: fc.constant('sub'), channel, proof: blob(64), storeId: id32, from: whole }),
  fc.record({ type: fc.constant('unsub'), channel }),
  fc.record({ type: fc.constant('received'), channel, seq }),
  fc.record({ type: fc.constant('prekey-put'), prekey: blob(3000, 1) }),
  fc.record({ type: fc.constant('prekey-get'), fingerprint: id32 }),
);
const plainText = fc.string({ unit: 'binary', maxLength: 100 });
const relayFrames = fc.oneof(
  fc.record({ type: fc.constant('challenge'), nonce: id32, relayId: id32, expiresIn: whole }),
  fc.record({
    type: fc.constant('ready'),
    storeId: id32,
    maxEnvelope: whole,
    maxInboxEnvelope: whole,
    credit: whole,
    rate: whole,
    burst: fc.maxSafeNat().map((value) => Math.max(1, value)),
  }),
  fc.record({ type: fc.constant('ack'), channel, idempotencyKey: id16, seq, duplicate: fc.nat(1) }),
  fc.record({ type: fc.constant('item'), channel, seq, envelope: blob(2000, 1) }),
  fc.record({ type: fc.constantFrom('live'), channel, seq }),
  fc.record({ type: fc.constantFrom('gap'), channel, oldest: seq }),
  fc.record({ type: fc.constant('prekey'), fingerprint: id32, prekey: blob(3000) }),
  fc.record({
    type: fc.constant('err'),
    code: fc.constantFrom(...ERROR_CODES),
    refused: blob(32),
    retryAfter: whole,
    message: plainText,
  }),
  fc.record({ type: fc.constant('goaway'), reason: fc.constantFrom(...GOAWAY_REASONS) }),
);
type ClientFrame = Parameters<typeof encodeClientFrame>[0];
type RelayFrame = Parameters<typeof encodeRelayFrame>[0];

const frontier = fc.array(fc.record({ place, sqn, hash: id32 }), { maxLength: 20 });
const payloads = fc.record({
  kind: fc.constantFrom(...PAYLOAD_KINDS),
  id: id16,
  time: whole,
  content: blob(3000),
  frontier,
});

describe('what is encoded decodes to itself', () => {
  it('wire frames, alone and packed', () => {
    fc.assert(
      fc.property(fc.array(clientFrames, { maxLength: 6 }), (frames) => {
        const packed = packFrames((frames as ClientFrame[]).map(encodeClientFrame));
        expect(unpackFrames(packed).map(decodeClientFrame)).toEqual(frames);
      }),
    );
    fc.assert(
      fc.property(relayFrames, (frame) => {
        expect(decodeRelayFrame(encodeRelayFrame(frame as RelayFrame))).toEqual(frame);
      }),
    );
  });

  it('payloads, padded to a length that many share', () => {
    fc.assert(
      fc.property(payloads, (payload) => {
        const padded = encodePayload(payload);
        expect(padded.length).toBe(paddedLength(padded.length));
        expect(decodePayload(padded)).toEqual(payload);
      }),
    );
  });

  it('commits and frontiers', () => {
    const changes = fc.array(
      fc.oneof(
        fc.record({
          type: fc.constant('add' as const),
          fingerprint: id32,
          role: fc.constantFrom('admin' as const, 'member' as const),
          cardHash: id32,
        }),
        fc.record({ type: fc.constant('remove' as const), fingerprint: id32, leave: blob(500) }),
        fc.record({
          type: fc.constant('role' as const),
          fingerprint: id32,
          role: fc.constantFrom('admin' as const, 'member' as const),
        }),
      ),
      { maxLength: 8 },
    );
    const body = fc.record({
      group: id16,
      epoch,
      parent: id32,
      title: fc.string({ maxLength: 64 }),
      changes,
      rosterHash: id32,
      committer: id32,
      reason: fc.constantFrom(...REASONS),
      joinerHash: id32,
      cut: fc.array(fc.nat(999), { maxLength: 20 }),
      time: whole,
    });
    const { signKey } = all.ada.identity;
    fc.assert(
      fc.property(body, (fields) => {
        expect(parseCommit(makeCommit(signKey, fields).bytes)).toMatchObject(fields);
      }),
      { numRuns: 30 },
    );
    fc.assert(
      fc.property(
        id32,
        fc.record({ group: id16, epoch, place, entries: frontier, next: id32 }),
        (hash, fields) => {
          expect(parseFrontier(makeFrontier(signKey, hash, fields))).toMatchObject(fields);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('inbox items and envelopes', () => {
    const item = fc.oneof(
      fc.record({ type: fc.constant('rekey' as const), token: blob(500, 1) }),
      fc.record({ type: fc.constant('rejoin' as const), token: blob(500, 1), card: blob(500, 1) }),
    );
    const kind = fc.constantFrom<EnvelopeKind>('message', 'commit', 'frontier', 'resend');
    fc.assert(
      fc.property(id32, item, kind, blob(500), id16, (key, value, kindOf, data, salt) => {
        expect(openInboxItem(key, sealInboxItem(key, value, salt))).toEqual(value);
        expect(openEnvelope(key, sealEnvelope(key, kindOf, data, salt))).toEqual({ kind: kindOf, data });
      }),
    );
  });
});

describe('there is one encoding of everything', () => {
  const anything: Codec<unknown> = { encode: (value) => value, decode: (item) => item };

  it('whatever is accepted as an item encodes to the same bytes', () => {
    const { item } = fc.letrec((tie) => ({
      item: fc.oneof({ maxDepth: 8 }, whole, blob(300), plainText, fc.array(tie('item'), { maxLength: 30 })),
    }));
    let accepted = 0;
    fc.assert(
      fc.property(item, edits, hostile, (value, list, other) => {
        const genuine = encode(anything, value);
        expect(decode(anything, genuine, Infinity)).toEqual(value);
        for (const data of [edited(genuine, list), other])
          refuses(() => {
            const again = encode(anything, decode(anything, data, Infinity));
            accepted++;
            expect(toHex(again)).toBe(toHex(data));
          });
      }),
      { numRuns: 3000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  it('whatever edit of a frame or payload is accepted encodes to the edited bytes', () => {
    let accepted = 0;
    const canonical = <T>(
      decode: (data: Uint8Array) => T,
      encodeAgain: (value: T) => Uint8Array,
      data: Uint8Array,
    ) =>
      refuses(() => {
        const again = encodeAgain(decode(data));
        accepted++;
        if (toHex(again) !== toHex(data)) throw new Error('two encodings of one value');
      });
    fc.assert(
      fc.property(fc.oneof(clientFrames, relayFrames), payloads, edits, (frame, payload, list) => {
        const isClient = [
          'hello',
          'auth',
          'pub',
          'mpub',
          'sub',
          'unsub',
          'received',
          'prekey-put',
          'prekey-get',
        ];
        if (isClient.includes(frame.type))
          canonical(
            decodeClientFrame,
            encodeClientFrame,
            edited(encodeClientFrame(frame as ClientFrame), list),
          );
        else
          canonical(decodeRelayFrame, encodeRelayFrame, edited(encodeRelayFrame(frame as RelayFrame), list));
        canonical(decodePayload, encodePayload, edited(encodePayload(payload), list));
      }),
      { numRuns: 2000 },
    );
    expect(accepted).toBeGreaterThan(50);
  });
});

describe('messages', () => {
  const header = fc.record({ group: id16, epoch, place, sqn, salt: id16, previous: id32 });

  it('open with every field as it was sent, and with any bit flipped are refused', () => {
    const { signKey, card } = all.ada.identity;
    fc.assert(
      fc.property(
        header,
        payloads,
        id32,
        id32,
        fc.nat(),
        fc.nat(),
        (fields, payload, commit, chain, bit, other) => {
          const sent = sealMessage(signKey, commit, chain, fields, encodePayload(payload));
          const message = parseMessage(sent.bytes);
          expect(message).toMatchObject(fields);
          expect(verifyMessage(message, card.signKey, commit)).toBe(true);
          const { messageKey } = advanceChain(chain, 1, 1);
          expect(decodePayload(openMessage(message, messageKey)!)).toEqual(payload);

          const flip = (data: Uint8Array, at: number) =>
            data.map((byte, i) => (i === (at >> 3) % data.length ? byte ^ (1 << (at & 7)) : byte));
          let holds = false;
          refuses(() => {
            holds = verifyMessage(parseMessage(flip(sent.bytes, bit)), card.signKey, commit);
          });
          expect(holds).toBe(false);
          expect(verifyMessage(message, card.signKey, flip(commit, other))).toBe(false);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('in any order get the keys they have in order', () => {
    const order = fc.integer({ min: 1, max: 60 }).chain((count) =>
      fc.shuffledSubarray(
        Array.from({ length: count }, (_, i) => i + 1),
        { minLength: 1 },
      ),
    );
    fc.assert(
      fc.property(id32, order, (start, arriving) => {
        const inOrder = new Map<number, string>();
        let chain: Uint8Array = start;
        for (let i = 1; i <= 60; i++) {
          const step = advanceChain(chain, i, i);
          inOrder.set(i, toHex(step.messageKey));
          chain = step.chain;
        }
        const skipped = new Map<number, Uint8Array>();
        let [current, next]: [Uint8Array, number] = [start, 1];
        for (const one of arriving) {
          let key = skipped.get(one);
          if (!key) {
            const step = advanceChain(current, next, one);
            for (const jumped of step.skipped) skipped.set(jumped.sqn, jumped.messageKey);
            [current, next, key] = [step.chain, one + 1, step.messageKey];
          }
          expect(toHex(key)).toBe(inOrder.get(one));
          skipped.delete(one);
        }
        expect(skipped.size).toBe(Math.max(...arriving) - arriving.length);
      }),
    );
  });
});

describe('padding', () => {
  it('is the next Padmé length: few of them, never more than 12 % away', () => {
    fc.assert(
      fc.property(fc.integer({ min: 257, max: 63_488 }), (length) => {
        // As the paper has it: keep the top bits, as many as the exponent's own length in bits.
        const e = 31 - Math.clz32(length);
        const s = 32 - Math.clz32(e);
        const mask = (1 << (e - s)) - 1;
        expect(paddedLength(length)).toBe((length + mask) & ~mask);
        expect(paddedLength(length)).toBeLessThanOrEqual(length * 1.12);
        expect(paddedLength(paddedLength(length))).toBe(paddedLength(length));
      }),
    );
  });
});

describe('names', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 70 }),
    fc.string({ unit: 'grapheme', maxLength: 70 }),
    fc.array(fc.nat(0xffff), { maxLength: 70 }).map((units) => String.fromCharCode(...units)),
  );

  it('are allowed in one form, which checking gives and keeps', () => {
    fc.assert(
      fc.property(anyText, (name) => {
        expect(normaliseName(normaliseName(name))).toBe(normaliseName(name));
        if (nameProblem(name) === undefined) {
          const checked = checkName(name);
          expect(isName(checked)).toBe(true);
          expect(checkName(checked)).toBe(checked);
          expect(Buffer.byteLength(checked)).toBeLessThanOrEqual(256);
        } else {
          expect(isName(name)).toBe(false);
          expect(() => checkName(name)).toThrow(UserError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('from outside are exactly those that checking gives', () => {
    fc.assert(
      fc.property(anyText, (name) => {
        if (isName(name)) expect(checkName(name)).toBe(name);
      }),
      { numRuns: 3000 },
    );
  });

  it('show no forbidden character, whatever they are', () => {
    fc.assert(
      fc.property(anyText, (name) => {
        const shown = printable(name);
        if (normaliseName(shown) !== '')
          expect(nameProblem(Array.from(shown).slice(0, 64).join('')) ?? '').not.toContain('invisible');
      }),
      { numRuns: 1000 },
    );
  });

  it('are the same as themselves in other forms', () => {
    fc.assert(
      fc.property(anyText, (name) => {
        expect(sameName(name, name)).toBe(true);
        expect(sameName(name, ` ${name.normalize('NFD')} `)).toBe(true);
        expect(foldName(foldName(name))).toBe(foldName(name));
      }),
      { numRuns: 3000 },
    );
  });
});
