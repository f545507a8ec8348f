import { describe, expect, it } from 'vitest';
import { label, utf8 } from '../../../src/crypto/bytes.js';
import { seal } from '../../../src/crypto/sealed.js';
import { openEnvelope, sealEnvelope, type EnvelopeKind } from '../../../src/protocol/channel.js';
import { MAX_ENVELOPE } from '../../../src/protocol/wire.js';
import { codeOf } from '../../helpers/tamper.js';

const key = new Uint8Array(32).fill(1);
const salt = new Uint8Array(16).fill(2);
const data = utf8('anything');

describe('the outer seal', () => {
  it.each(['message', 'commit', 'frontier', 'resend'] satisfies EnvelopeKind[])('carries a %s', (kind) => {
    expect(openEnvelope(key, sealEnvelope(key, kind, data, salt))).toEqual({ kind, data });
  });

  it('is refused under another key, cut, too large or empty', () => {
    const envelope = sealEnvelope(key, 'message', data, salt);
    const none = new Uint8Array(0);
    expect(codeOf(() => openEnvelope(new Uint8Array(32), envelope))).toBe('malformed');
    expect(codeOf(() => openEnvelope(key, envelope.subarray(1)))).toBe('malformed');
    expect(codeOf(() => openEnvelope(key, none))).toBe('malformed');
    const large = sealEnvelope(key, 'message', new Uint8Array(MAX_ENVELOPE), salt);
    expect(codeOf(() => openEnvelope(key, large))).toBe('malformed');
    const bare = seal(key, label('group envelope'), salt, none);
    expect(codeOf(() => openEnvelope(key, bare))).toBe('malformed');
  });

  it('is refused with a kind it does not know', () => {
    for (const kind of [0, 5, 255]) {
      const envelope = seal(key, label('group envelope'), salt, Uint8Array.of(kind, 1, 2));
      expect(codeOf(() => openEnvelope(key, envelope))).toBe('malformed');
    }
  });
});
