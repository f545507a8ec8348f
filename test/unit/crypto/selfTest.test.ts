import { afterEach, describe, expect, it, vi } from 'vitest';
import { aesCtr, LONG_BYTES } from '../../../src/crypto/aesCtr.js';
import { fromHex, utf8 } from '../../../src/crypto/bytes.js';
import { hkdfSha256, hmacSha256 } from '../../../src/crypto/hash.js';
import { decapsulate } from '../../../src/crypto/kem.js';
import { passwordKey } from '../../../src/crypto/password.js';
import { systemRandom } from '../../../src/crypto/random.js';
import { decryptOaep, parsePrivateKey, verifyPss } from '../../../src/crypto/rsa.js';
import { SelfTestError, selfTest } from '../../../src/crypto/selfTest.js';

vi.mock('../../../src/crypto/aesCtr.js', { spy: true });
vi.mock('../../../src/crypto/hash.js', { spy: true });
vi.mock('../../../src/crypto/kem.js', { spy: true });
vi.mock('../../../src/crypto/password.js', { spy: true });
vi.mock('../../../src/crypto/random.js', { spy: true });
vi.mock('../../../src/crypto/rsa.js', { spy: true });

afterEach(() => {
  vi.resetAllMocks();
});

const zeros = (length: number) => new Uint8Array(length);
const unsupported = () => {
  throw new Error('unsupported');
};

const faults: [primitive: string, breakIt: () => unknown][] = [
  ['the random generator', () => vi.mocked(systemRandom).mockImplementation(zeros)],
  ['scrypt', () => vi.mocked(passwordKey).mockRejectedValue(new Error('unsupported'))],
  ['AES-256-CTR', () => vi.mocked(aesCtr).mockImplementation((_key, _nonce, data) => data)],
  ['HKDF', () => vi.mocked(hkdfSha256).mockReturnValue(zeros(42))],
  ['HMAC', () => vi.mocked(hmacSha256).mockReturnValue(zeros(32))],
  ['RSA key parsing', () => vi.mocked(parsePrivateKey).mockImplementation(unsupported)],
  ['RSA-PSS', () => vi.mocked(verifyPss).mockReturnValue(true)],
  ['RSA-OAEP', () => vi.mocked(decryptOaep).mockReturnValue(undefined)],
  ['X-Wing', () => vi.mocked(decapsulate).mockReturnValue(zeros(32))],
];

/** A primitive that answers as it should, but for one of its calls. */
const inTurn = <T>(mock: { mockReturnValueOnce: (value: T) => unknown }, answers: readonly T[]) =>
  answers.forEach((answer) => mock.mockReturnValueOnce(answer));
const TEXT = utf8('abc');
const ANSWERS = {
  'RSA-PSS': [true, false, false, true],
  'RSA-OAEP': [TEXT, undefined, TEXT],
} as const;
for (const at of ANSWERS['RSA-PSS'].keys())
  faults.push(['RSA-PSS', () => inTurn(vi.mocked(verifyPss), ANSWERS['RSA-PSS'].with(at, at % 3 !== 0))]);
for (const [at, wrong] of [undefined, TEXT, undefined].entries())
  faults.push(['RSA-OAEP', () => inTurn(vi.mocked(decryptOaep), ANSWERS['RSA-OAEP'].with(at, wrong))]);
for (const lengths of [
  [31, 32],
  [32, 31],
])
  faults.push([
    'the random generator',
    () =>
      inTurn(
        vi.mocked(systemRandom),
        lengths.map((length, i) => zeros(length).fill(i)),
      ),
  ]);
const BLOCKS = fromHex('ddc6bf790c15760d8d9aeb6f9a75fd4ee004ea6c82d4dc01acc922fd4be825e0');
faults.push(['AES-256-CTR', () => inTurn(vi.mocked(aesCtr), [BLOCKS, zeros(LONG_BYTES)])]);

describe('the self-test', () => {
  it('passes here', async () => {
    await expect(selfTest()).resolves.toBeUndefined();
  });

  it.each(faults)('names %s when that is broken', async (primitive, breakIt) => {
    breakIt();
    const error = await selfTest().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SelfTestError);
    expect(error).toMatchObject({ code: 'self-test', primitive });
    expect((error as Error).message).toContain(`${primitive} failed its self-test`);
  });
});
