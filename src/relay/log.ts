import { toHex } from '../crypto/bytes.js';

/** One line an event; never an envelope, a key, or more of a fingerprint than {@link short} gives. */
export type Log = (event: string, details?: Readonly<Record<string, string | number>>) => void;

export const stderrLog: Log = (event, details = {}) => {
  const fields = Object.entries(details).map(([name, value]) => ` ${name}=${value}`);
  process.stderr.write(`${new Date().toISOString()} ${event}${fields.join('')}\n`);
};

/** The first 8 hex digits of a fingerprint or id. */
export const short = (id: Uint8Array): string => toHex(id.subarray(0, 4));
