import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../src/crypto/bytes.js';
import {
  chainStep,
  epochSecrets,
  joinerHash,
  joinerSecret,
  welcomeSecrets,
} from '../../../src/protocol/schedule.js';
import { atOnce } from '../../helpers/atOnce.js';

const commitSecret = new Uint8Array(32).fill(1);
const commitHash = new Uint8Array(32).fill(2);
const joiner = joinerSecret(undefined, commitSecret);

describe('the key schedule', () => {
  it('is HKDF-Extract, then HKDF-Expand by label (computed here with node:crypto)', () => {
    const hmac = (key: Uint8Array, ...parts: (string | Uint8Array)[]) =>
      parts.reduce((mac, part) => mac.update(part), createHmac('sha256', key)).digest();
    // Up to 32 bytes, HKDF-Expand is HMAC(prk, info ‖ 01).
    const expand = (prk: Uint8Array, ...info: (string | Uint8Array)[]) =>
      hmac(prk, ...info, Uint8Array.of(1));
    const L = (purpose: string) => `Secure Chat 1 ${purpose}\0`;

    expect(joiner).toEqual(new Uint8Array(hmac(new Uint8Array(32), commitSecret)));
    const hash = createHash('sha256').update(L('joiner hash')).update(joiner).digest('hex');
    expect(toHex(joinerHash(joiner))).toBe(hash);
    const epoch = expand(joiner, L('epoch'), commitHash);
    const secrets = atOnce(epochSecrets(joiner, commitHash, 258));
    expect(toHex(secrets.init)).toBe(expand(epoch, L('init')).toString('hex'));
    expect(toHex(secrets.channelSeed)).toBe(expand(epoch, L('channel')).toString('hex'));
    expect(toHex(secrets.sealKey)).toBe(expand(epoch, L('channel seal')).toString('hex'));
    const chain257 = expand(epoch, L('chain'), Uint8Array.of(1, 1)).toString('hex');
    expect(toHex(secrets.chains[257]!)).toBe(chain257);
    const welcome = welcomeSecrets(joiner);
    expect(toHex(welcome.key)).toBe(expand(joiner, L('welcome')).toString('hex'));
    expect(toHex(welcome.channelSeed)).toBe(expand(joiner, L('welcome channel')).toString('hex'));
    const next = joinerSecret(secrets.init, commitSecret);
    expect(toHex(next)).toBe(hmac(secrets.init, commitSecret).toString('hex'));
  });

  it('gives everyone a chain, and no two secrets alike', () => {
    const { init, channelSeed, sealKey, chains } = atOnce(epochSecrets(joiner, commitHash, 1000));
    const welcome = welcomeSecrets(joiner);
    const all = [
      joiner,
      joinerHash(joiner),
      init,
      channelSeed,
      sealKey,
      ...chains,
      welcome.key,
      welcome.channelSeed,
    ];
    expect(chains).toHaveLength(1000);
    expect(new Set(all.map(toHex)).size).toBe(all.length);
  });

  it('hangs on the commit and on the epoch before', () => {
    const other = atOnce(epochSecrets(joiner, new Uint8Array(32).fill(3), 1));
    expect(toHex(other.sealKey)).not.toBe(toHex(atOnce(epochSecrets(joiner, commitHash, 1)).sealKey));
    const healed = joinerSecret(other.init, commitSecret);
    expect(toHex(healed)).not.toBe(toHex(joinerSecret(undefined, commitSecret)));
  });
});

describe('a chain', () => {
  it('steps by HMAC over 1 and 2', () => {
    const chain = new Uint8Array(32).fill(5);
    const step = chainStep(chain);
    const hmac = (byte: number) => createHmac('sha256', chain).update(Uint8Array.of(byte)).digest('hex');
    expect(toHex(step.messageKey)).toBe(hmac(1));
    expect(toHex(step.next)).toBe(hmac(2));
  });
});
