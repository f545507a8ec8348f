import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { cardLink, MAX_CARD_TEXT } from '../../../src/protocol/cardLink.js';
import { cardText, readCardText } from '../../../src/protocol/cardText.js';
import { ProtocolError } from '../../../src/protocol/errors.js';
import { makeRevocation } from '../../../src/protocol/revocation.js';
import { NOW } from '../../helpers/group.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { codeOf } from '../../helpers/tamper.js';

let ada: Person;
let card: string;
let revocation: string;
beforeAll(async () => {
  [ada] = await makePeople(['Ada']);
  card = cardText('card', ada.identity.card.bytes);
  revocation = cardText('revocation', makeRevocation(ada.identity.signKey, ada.identity.card, NOW));
});

const BASE = 'vscode-insiders://secure-chat.secure-chat/card';

describe('a contact card as text', () => {
  it('is one line that a link can hold, and that comes back', () => {
    for (const [text, kind] of [
      [card, 'card'],
      [revocation, 'revocation'],
    ] as const) {
      expect(text).toMatch(new RegExp(`^secure-chat-${kind}-1\\.[A-Za-z0-9_-]+$`));
      expect(new URL(cardLink(BASE, text)).href).toBe(cardLink(BASE, text));
      expect(text.length).toBeLessThan(6000);
      for (const form of [text, ` ${text}\n`, cardLink(BASE, text), cardLink('VSCODE://a.b/c', text)]) {
        const read = readCardText(form);
        expect(read.kind).toBe(kind);
        expect(read.card.fingerprint).toEqual(ada.identity.card.fingerprint);
      }
    }
  });

  it('may be broken into lines, as mail does', () => {
    const lines = card.match(/.{1,76}/g)!;
    for (const line of ['\n', '\r\n', '\r\n\t ', ' '])
      expect(readCardText(lines.join(line)).kind).toBe('card');
  });

  it('that is damaged, cut or no card at all is refused in a sentence', () => {
    const [prefix, data] = card.split('.') as [string, string];
    const others = [
      '',
      'hello',
      data,
      prefix,
      `${prefix}.`,
      `secure-chat-card-0.${data}`,
      `secure-chat-card-.${data}`,
      `secure-chat-key-1.${data}`,
      `${prefix}.${data}=`,
      `${prefix}.${data.slice(0, -1)}!`,
      `${card} Greetings, Ada.`,
      `${card}${card}`,
      `https://example.org/${'x'.repeat(200)}?${card}`,
      `${BASE}?card=${card}`,
      `${BASE}#${card}`,
      `${prefix}.${'A'.repeat(MAX_CARD_TEXT)}`,
      ' '.repeat(MAX_CARD_TEXT) + card,
    ];
    for (const text of others) {
      expect(codeOf(() => readCardText(text))).toBe('malformed');
      expect(() => readCardText(text)).toThrow('not a whole contact card');
    }
    for (let end = prefix.length + 2; end < card.length; end += 41)
      expect(['malformed', 'bad-card']).toContain(codeOf(() => readCardText(card.slice(0, end))));
    const flipped = prefix + '.' + data.slice(0, 900) + (data[900] === 'A' ? 'B' : 'A') + data.slice(901);
    expect(codeOf(() => readCardText(flipped))).toBe('bad-card');
  });

  it('has one spelling: spare bits at the end are not ignored', () => {
    const text = cardText('card', new Uint8Array(1));
    expect(text.endsWith('.AA')).toBe(true);
    expect(() => readCardText(`${text.slice(0, -1)}B`)).toThrow('not a whole contact card');
  });

  it('of one kind is not taken as the other', () => {
    expect(codeOf(() => readCardText(card.replace('card', 'revocation')))).toBe('malformed');
    expect(codeOf(() => readCardText(revocation.replace('revocation', 'card')))).toBe('bad-card');
  });

  it('of a newer version asks for an update', () => {
    for (const version of ['2', '10', '9999'])
      expect(() => readCardText(card.replace('-1.', `-${version}.`))).toThrow('Update the extension');
  });

  it('throws nothing but ProtocolError', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.base64String({ maxLength: 4000 }).map((data) => `secure-chat-card-1.${data.replace(/=/g, '')}`),
      fc.uint8Array({ maxLength: 3000 }).map((data) => cardText('revocation', data)),
    );
    fc.assert(
      fc.property(text, (input) => {
        try {
          readCardText(input);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
    );
  });
});
