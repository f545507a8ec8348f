import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

/** RSA pairs made beforehand, as long as there are any: making them takes most of a short test's time. */
const pool = JSON.parse(process.env['MUTANT_KEYS'] ?? '[]') as [string, string][];
const { generateKeyPair } = crypto;

type Generate = (
  type: string,
  options: { modulusLength?: number },
  done: (error: Error | null, publicKey: Uint8Array, privateKey: Uint8Array) => void,
) => void;

const fromPool: Generate = (type, options, done) => {
  const pair = options.modulusLength === 3072 ? pool.shift() : undefined;
  if (!pair) return (generateKeyPair as unknown as Generate)(type, options, done);
  const [publicKey, privateKey] = pair.map((text) => Buffer.from(text, 'base64'));
  setImmediate(done, null, publicKey!, privateKey!);
};
crypto.generateKeyPair = fromPool as unknown as typeof generateKeyPair;
syncBuiltinESMExports();
