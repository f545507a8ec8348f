import { beforeAll, describe, expect, it } from 'vitest';
import { systemRandom } from '../../../src/crypto/random.js';
import { bytes, decode, encode, struct, uint } from '../../../src/protocol/codec.js';
import { UserError } from '../../../src/protocol/errors.js';
import { keyFileCard, openKeyFile, rewrapKeyFile, sealKeyFile } from '../../../src/protocol/keyFile.js';
import { makePeople, type Person } from '../../helpers/people.js';
import { codeOf, flips } from '../../helpers/tamper.js';

/** The least that a file may ask for, so that the tests are quick. */
const CHEAP = { logN: 14, r: 8, p: 1 };
const PASSWORD = 'correct horse battery staple';

let ada: Person;
let eve: Person;
let file: Uint8Array;
beforeAll(async () => {
  [ada, eve] = await makePeople(['Ada', 'Eve']);
  file = await sealKeyFile(ada.identity.card.bytes, ada.secrets, PASSWORD, systemRandom, CHEAP);
});

const outer = struct<{ version: number; body: Uint8Array; tag: Uint8Array }>({
  version: uint(),
  body: bytes(0, 65536),
  tag: bytes(32),
});
interface Body {
  logN: number;
  r: number;
  p: number;
  salt: Uint8Array;
  card: Uint8Array;
  ciphertext: Uint8Array;
}
const inner = struct<Body>({
  logN: uint(),
  r: uint(),
  p: uint(),
  salt: bytes(32),
  card: bytes(0, 20000),
  ciphertext: bytes(0, 20000),
});
const withOuter = (change: object) => encode(outer, { ...decode(outer, file, 65536), ...change });
const withBody = (change: Partial<Body>) =>
  withOuter({ body: encode(inner, { ...decode(inner, decode(outer, file, 65536).body, 65536), ...change }) });
const opened = (data: Uint8Array, password = PASSWORD) =>
  openKeyFile(data, password).then(
    () => 'opened',
    (error: unknown) => (error instanceof UserError ? error.code : error),
  );

describe('a key file', () => {
  it('gives the identity back to whoever knows the password', async () => {
    const identity = await openKeyFile(file, PASSWORD);
    expect(identity.card).toMatchObject({ name: 'Ada', fingerprint: ada.identity.card.fingerprint });
    expect(identity.storageKey).toEqual(ada.secrets.storageKey);
    expect(identity.signKey.equals(ada.identity.signKey)).toBe(true);
    expect(identity.transportKey.equals(ada.identity.transportKey)).toBe(true);
  });

  it('is the same participant under a new password, and the old one opens it no more', async () => {
    const next = await rewrapKeyFile(file, PASSWORD, 'another', systemRandom, CHEAP);
    const identity = await openKeyFile(next, 'another');
    expect(identity.card.bytes).toEqual(ada.identity.card.bytes);
    expect(identity.storageKey).toEqual(ada.secrets.storageKey);
    expect(identity.signKey.equals(ada.identity.signKey)).toBe(true);
    expect(await opened(next)).toBe('wrong-password');
    const [before, after] = [file, next].map((data) => decode(inner, decode(outer, data, 65536).body, 65536));
    expect(after?.salt).not.toEqual(before?.salt);
    await expect(rewrapKeyFile(file, 'wrong', 'another', systemRandom, CHEAP)).rejects.toMatchObject({
      code: 'wrong-password',
    });
  });

  it('tells whose it is without the password', () => {
    expect(keyFileCard(file).name).toBe('Ada');
  });

  it('holds no secret in the clear', () => {
    for (const secret of Object.values(ada.secrets) as Uint8Array[])
      expect(Buffer.from(file).includes(Buffer.from(secret.subarray(-24)))).toBe(false);
  });

  it('has a salt of its own each time', async () => {
    const again = await sealKeyFile(ada.identity.card.bytes, ada.secrets, PASSWORD, systemRandom, CHEAP);
    expect(again).not.toEqual(file);
  });

  it('stays closed to a wrong password, and says the same of damage', async () => {
    expect(await opened(file, 'wrong')).toBe('wrong-password');
    expect(await opened(file, '')).toBe('wrong-password');
    const body = decode(inner, decode(outer, file, 65536).body, 65536);
    for (const ciphertext of flips(body.ciphertext, 0, body.ciphertext.length, 9001))
      expect(await opened(withBody({ ciphertext }))).toBe('wrong-password');
    expect(await opened(withBody({ salt: new Uint8Array(32) }))).toBe('wrong-password');
    expect(await opened(withBody({ logN: 15 }))).toBe('wrong-password');
    expect(await opened(withBody({ card: eve.identity.card.bytes }))).toBe('wrong-password');
    expect(await opened(withOuter({ tag: new Uint8Array(32) }))).toBe('wrong-password');
  });

  it('is damaged if it cannot be read at all', async () => {
    for (const data of [new Uint8Array(0), file.subarray(0, 100), file.subarray(1), new Uint8Array(70_000)]) {
      expect(await opened(data)).toBe('damaged-key-file');
      expect(codeOf(() => keyFileCard(data))).toBe('damaged-key-file');
    }
    expect(codeOf(() => keyFileCard(withBody({ card: Uint8Array.of(1) })))).toBe('damaged-key-file');
  });

  it('of a newer version asks for an update; of an older one, there is none', async () => {
    expect(await opened(withOuter({ version: 2 }))).toBe('newer-key-file');
    expect(await opened(withOuter({ version: 0 }))).toBe('damaged-key-file');
  });

  it('may not ask for scrypt settings that are cheap to attack or too dear to try', async () => {
    for (const cost of [{ logN: 13 }, { logN: 21 }, { logN: 0 }, { r: 1 }, { r: 16 }, { p: 0 }, { p: 5 }])
      expect(await opened(withBody(cost))).toBe('bad-key-file-cost');
  });

  it('is damaged if the keys inside are not those of the card', async () => {
    const { signKey, transportKey } = eve.secrets;
    for (const others of [eve.secrets, { ...ada.secrets, signKey }, { ...ada.secrets, transportKey }]) {
      const mixed = await sealKeyFile(ada.identity.card.bytes, others, PASSWORD, systemRandom, CHEAP);
      expect(await opened(mixed)).toBe('damaged-key-file');
    }
  });
});
