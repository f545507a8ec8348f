import { label } from '../crypto/bytes.js';
import { seal, unseal } from '../crypto/sealed.js';
import { ProtocolError } from './errors.js';
import { MAX_ENVELOPE } from './wire.js';

const LABEL = label('group envelope');

/** What travels in a group channel; the first byte under the outer seal says which, from 1. */
const KINDS = ['message', 'commit', 'frontier', 'resend'] as const;
export type EnvelopeKind = (typeof KINDS)[number];

/** The outer seal: what the relay sees is size and time. `salt`: 16 random bytes. */
export function sealEnvelope(
  sealKey: Uint8Array,
  kind: EnvelopeKind,
  data: Uint8Array,
  salt: Uint8Array,
): Uint8Array {
  const plain = new Uint8Array(1 + data.length);
  plain[0] = 1 + KINDS.indexOf(kind);
  plain.set(data, 1);
  return seal(sealKey, LABEL, salt, plain);
}

/** Throws ProtocolError 'malformed'. */
export function openEnvelope(
  sealKey: Uint8Array,
  envelope: Uint8Array,
): { kind: EnvelopeKind; data: Uint8Array } {
  const plain = envelope.length <= MAX_ENVELOPE ? unseal(sealKey, LABEL, envelope) : undefined;
  const kind = KINDS[(plain?.[0] ?? 0) - 1];
  if (!plain || !kind)
    throw new ProtocolError('malformed', 'Something in the group channel is not sealed for it.');
  return { kind, data: plain.subarray(1) };
}
