import { MAX_TEXT_BYTES } from '../src/shared/limits.js';
import { count } from './format.js';

/** From here on a person sees how much is left. */
const NOTE_FROM = MAX_TEXT_BYTES * 0.9;

const encoder = new TextEncoder();

/** UTF-8. */
export const byteLength = (text: string): number => encoder.encode(text).length;

export interface LengthNote {
  readonly note?: string;
  /** Why this can't be sent. */
  readonly problem?: string;
}

export function lengthNote(bytes: number): LengthNote {
  if (bytes < NOTE_FROM) return {};
  if (bytes <= MAX_TEXT_BYTES) return { note: `${count(MAX_TEXT_BYTES - bytes, 'byte')} left` };
  const note = `${count(bytes - MAX_TEXT_BYTES, 'byte')} too long`;
  return { note, problem: `This message is ${note}. Shorten it, or send it in parts.` };
}
