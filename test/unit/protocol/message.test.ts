import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/crypto/hash.js';
import { toHex } from '../../../src/crypto/bytes.js';
import {
  advanceChain,
  HEADER_BYTES,
  openMessage,
  parseMessage,
  verifyMessage,
} from '../../../src/protocol/message.js';
import { decodePayload } from '../../../src/protocol/payload.js';
import { chainStep } from '../../../src/protocol/schedule.js';
import { chainOf, makeGroup, place, say } from '../../helpers/group.js';
import { makePeople } from '../../helpers/people.js';
import { codeOf, messageWith, patched } from '../../helpers/tamper.js';

const [ada, bob] = await makePeople(['Ada', 'Bob']);
const group = makeGroup(ada, [bob]);

const text = (padded: Uint8Array | undefined) =>
  padded && new TextDecoder().decode(decodePayload(padded).content);

describe('a message', () => {
  it('travels from Ada to Bob', () => {
    const sent = say(group, ada, 'Shall we ship?', { sqn: 7 });
    const message = parseMessage(sent.bytes);
    expect(message).toMatchObject({ epoch: 1, place: place(group, ada), sqn: 7 });
    expect(message.group).toEqual(group.commit.group);
    expect(message.previous).toEqual(group.commit.hash);
    expect(message.hash).toEqual(sha256(sent.bytes));
    expect(sent.hash).toEqual(message.hash);
    expect(verifyMessage(message, ada.identity.card.signKey, group.commit.hash)).toBe(true);
    const { messageKey, next } = chainStep(chainOf(group, ada));
    expect(text(openMessage(message, messageKey))).toBe('Shall we ship?');
    expect(sent.nextChain).toEqual(next);
  });

  it('has a header of 73 bytes at fixed places', () => {
    const salt = new Uint8Array(16).fill(9);
    const { header } = parseMessage(say(group, bob, 'x', { sqn: 258, salt }).bytes).parts;
    expect(HEADER_BYTES).toBe(73);
    expect(toHex(header)).toBe(
      '01' +
        toHex(group.commit.group) +
        '00000001' +
        `000${place(group, bob)}` +
        '0102' +
        toHex(salt) +
        toHex(group.commit.hash),
    );
  });

  it('is refused out of range', () => {
    const { bytes } = say(group, ada, 'x');
    const withHeader = (at: number, ...values: number[]) =>
      codeOf(() =>
        parseMessage(messageWith(bytes, ({ header }) => ({ header: patched(header, at, ...values) }))),
      );
    expect(withHeader(0, 2)).toBe('malformed');
    expect(withHeader(0, 0)).toBe('malformed');
    expect(withHeader(21, 3, 0xe8)).toBe('malformed');
    expect(withHeader(21, 3, 0xe7)).toBe('nothing');
    expect(withHeader(23, 0, 0)).toBe('malformed');
    expect(withHeader(23, 3, 0xe8)).toBe('malformed');
    expect(withHeader(23, 3, 0xe7)).toBe('nothing');
  });

  it('is refused with parts of other sizes', () => {
    const { bytes } = say(group, ada, 'x');
    const empty = new Uint8Array(0);
    for (const part of ['header', 'ciphertext', 'tag', 'signature'])
      expect(codeOf(() => parseMessage(messageWith(bytes, () => ({ [part]: empty }))))).toBe('malformed');
    const longer = messageWith(bytes, () => ({ ciphertext: new Uint8Array(70_000) }));
    expect(codeOf(() => parseMessage(longer))).toBe('malformed');
  });

  it('that is signed but garbled inside gives nothing', () => {
    const sent = say(group, ada, 'x', {}, new Uint8Array(32));
    const message = parseMessage(sent.bytes);
    expect(verifyMessage(message, ada.identity.card.signKey, group.commit.hash)).toBe(true);
    expect(openMessage(message, chainStep(chainOf(group, ada)).messageKey)).toBeUndefined();
  });
});

describe('a chain', () => {
  const start: Uint8Array = new Uint8Array(32).fill(1);

  it('gives the key of the next SQN and moves on by one', () => {
    const step = advanceChain(start, 1, 1);
    expect(step).toEqual({
      skipped: [],
      messageKey: chainStep(start).messageKey,
      chain: chainStep(start).next,
    });
  });

  it('keeps the keys it jumps over', () => {
    const jump = advanceChain(start, 3, 6);
    let chain = start;
    for (const sqn of [3, 4, 5]) {
      const one = advanceChain(chain, sqn, sqn);
      expect(jump.skipped[sqn - 3]).toEqual({ sqn, messageKey: one.messageKey });
      chain = one.chain;
    }
    expect(jump.messageKey).toEqual(advanceChain(chain, 6, 6).messageKey);
    expect(jump.chain).toEqual(advanceChain(chain, 6, 6).chain);
  });
});
