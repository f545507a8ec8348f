import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parsePrivateKey, publicOf } from '../../../src/crypto/rsa.js';
import { systemRandom } from '../../../src/crypto/random.js';
import { newIdentity } from '../../../src/protocol/identity.js';
import { findEncryptedPem, MAX_PEM_BYTES, openImportedKey } from '../../../src/protocol/importedKey.js';
import { NOW } from '../../helpers/group.js';
import { encryptedPem, PEM_PASSWORD, PYTHON_PASSWORD, PYTHON_PEM } from '../../helpers/rsaKeys.js';
import { codeOf } from '../../helpers/tamper.js';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 3072 });
const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }));
const open = (file: string, password: string) => openImportedKey(findEncryptedPem(file), password, []);

describe('an encrypted private key in PEM', () => {
  it('opens as PKCS #1 and as PKCS #8, whatever stands around it', () => {
    for (const type of ['pkcs1', 'pkcs8'] as const) {
      const file = `Bag Attributes\r\n  none\r\n${encryptedPem(privateKey, type).replace(/\n/g, '\r\n')}\r\nthe end`;
      expect(publicOf(parsePrivateKey(open(file, PEM_PASSWORD)))).toEqual(spki);
    }
  });

  it('opens as the original program wrote it, with its idea of a password’s bytes', () => {
    expect(parsePrivateKey(open(PYTHON_PEM, PYTHON_PASSWORD)).asymmetricKeyDetails?.modulusLength).toBe(3072);
    expect(parsePrivateKey(open(PYTHON_PEM, PYTHON_PASSWORD.normalize('NFD'))).type).toBe('private');
  });

  it('says the same of a wrong password and of damage', () => {
    const file = encryptedPem(privateKey);
    const damaged = file.slice(0, 1500) + (file[1500] === 'A' ? 'B' : 'A') + file.slice(1501);
    for (const [pem, password] of [
      [file, 'wrong'],
      [file, ''],
      [PYTHON_PEM, 'ñ'],
      [file, 'x'.repeat(5000)],
      [damaged.replace('MII', 'AAA'), PEM_PASSWORD],
    ] as const)
      expect(codeOf(() => open(pem, password))).toBe('wrong-password');
  });

  it('is not tried if a password would cost minutes', () => {
    const pem = encryptedPem(privateKey);
    const der = Buffer.from(pem.split('\n').slice(1, -2).join(''), 'base64');
    // 2048 rounds of PBKDF2; a byte more of them, a byte less of salt.
    const at = der.indexOf('02020800', 'hex');
    const saltBytes = der[at - 9] === 8 ? 8 : 16;
    const salt = der.subarray(at - saltBytes, at);
    const withRounds = (rounds: string) =>
      Buffer.concat([
        der.subarray(0, at - saltBytes - 1),
        Uint8Array.of(saltBytes - 1),
        salt.subarray(1),
        Buffer.from(`0203${rounds}`, 'hex'),
        der.subarray(at + 4),
      ]);
    const file = (data: Uint8Array) =>
      `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${Buffer.from(data).toString('base64')}\n-----END ENCRYPTED PRIVATE KEY-----\n`;
    const within = (data: Uint8Array, around = (text: string) => text) => {
      const started = performance.now();
      expect(codeOf(() => open(around(file(data)), PEM_PASSWORD))).toBe('wrong-password');
      return performance.now() - started;
    };
    expect(within(withRounds('7fffff'))).toBeLessThan(1000);
    const traditional = (text: string) =>
      `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n${text}-----END RSA PRIVATE KEY-----\n`;
    expect(within(withRounds('7fffff'), traditional)).toBeLessThan(1000);
    within(withRounds('001000'));
    expect(publicOf(parsePrivateKey(open(file(der), PEM_PASSWORD)))).toEqual(spki);
  });

  it('is asked for when there is another kind of file, with a way on', () => {
    const plain = (type: 'pkcs1' | 'pkcs8') => privateKey.export({ type, format: 'pem' }) as string;
    const publicPem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
    const openSsh = '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----';
    const cut = encryptedPem(privateKey).slice(0, 500);
    for (const file of ['', 'hello', publicPem, cut, ' '.repeat(MAX_PEM_BYTES) + PYTHON_PEM]) {
      expect(codeOf(() => findEncryptedPem(file))).toBe('no-pem');
      expect(() => findEncryptedPem(file)).toThrow('begins with “-----BEGIN RSA PRIVATE KEY-----”');
    }
    expect(() => findEncryptedPem(openSsh)).toThrow('ssh-keygen -p -m PKCS8');
    for (const type of ['pkcs1', 'pkcs8'] as const)
      expect(() => findEncryptedPem(plain(type))).toThrow('openssl pkcs8 -topk8');
  });

  it('becomes the sign key of a new participant, with a transport key of its own', async () => {
    const { card, secrets } = await newIdentity('Ada', systemRandom, NOW, open(PYTHON_PEM, PYTHON_PASSWORD));
    expect(card.signSpki).toEqual(publicOf(parsePrivateKey(open(PYTHON_PEM, PYTHON_PASSWORD))));
    expect(publicOf(parsePrivateKey(secrets.transportKey))).toEqual(card.transportSpki);
    expect(card.transportSpki).not.toEqual(card.signSpki);
  });
});
