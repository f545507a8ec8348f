import { equal } from '../crypto/bytes.js';
import { parsePrivateKey, publicOf, RSA_BITS, RsaKeyError } from '../crypto/rsa.js';
import { openEncryptedPem, primesHold, sharePrime } from '../crypto/rsaImport.js';
import type { Card } from './card.js';
import { UserError } from './errors.js';

/** Bytes of the longest file that is looked at: an RSA key of 8192 bits has 7 KiB in PEM. */
export const MAX_PEM_BYTES = 64 * 1024;

const BLOCK = /-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----[\s\S]+?-----END \1-----/;

/** The encrypted private key in a PEM file. Throws UserError 'no-pem' and 'not-encrypted'. */
export function findEncryptedPem(file: string): string {
  const [block, kind] = BLOCK.exec(file.slice(0, MAX_PEM_BYTES)) ?? [];
  if (!block)
    throw new UserError(
      'no-pem',
      'The file holds no private key in PEM. Pick one that begins with “-----BEGIN RSA PRIVATE KEY-----” or “-----BEGIN ENCRYPTED PRIVATE KEY-----”.',
    );
  if (kind === 'OPENSSH PRIVATE KEY')
    throw new UserError(
      'no-pem',
      'The file is in OpenSSH’s own format. Convert a copy of it to PEM first: ssh-keygen -p -m PKCS8 -f COPY',
    );
  if (kind !== 'ENCRYPTED PRIVATE KEY' && !/^Proc-Type: *4, *ENCRYPTED/m.test(block))
    throw new UserError(
      'not-encrypted',
      'The key in the file is not under a password. Put a copy of it under one first: openssl pkcs8 -topk8 -in FILE -out COPY',
    );
  return block;
}

/**
 * Opens what findEncryptedPem gave, as the sign key of a new participant: DER PKCS #8. `known` are the cards of which it
 * must be independent. Throws UserError 'wrong-password', 'weak-key' and 'shared-key'.
 */
export function openImportedKey(pem: string, password: string, known: readonly Card[]): Uint8Array {
  const pkcs8 = openEncryptedPem(pem, password);
  if (!pkcs8)
    throw new UserError(
      'wrong-password',
      'Wrong password, or the file is damaged or encrypted in a way that is not known here. If the password is right, convert a copy of the file: openssl pkcs8 -topk8 -in FILE -out COPY',
    );
  const key = soundKey(pkcs8);
  const spki = publicOf(key);
  for (const { name, signSpki, signKey, transportSpki, transportKey } of known) {
    if (equal(spki, signSpki) || equal(spki, transportSpki))
      throw new UserError(
        'shared-key',
        `This is the key of ${name} already, and a key belongs to one participant. Use ${name}, or create a participant with a key of its own.`,
      );
    if (sharePrime(key, signKey) || sharePrime(key, transportKey))
      throw new UserError(
        'shared-key',
        `This key and one of ${name}’s have a prime in common, so anybody can compute both from their public halves. Use neither, and create new participants.`,
      );
  }
  return pkcs8;
}

function soundKey(pkcs8: Uint8Array) {
  try {
    const key = parsePrivateKey(pkcs8);
    if (!primesHold(key))
      throw new RsaKeyError('The RSA key is damaged, or its primes are too close together.');
    return key;
  } catch (error) {
    if (!(error instanceof RsaKeyError)) throw error;
    throw new UserError(
      'weak-key',
      `${error.message} It is not imported. “Secure Chat: Create participants” makes a participant with a new key of ${RSA_BITS} bits.`,
    );
  }
}
