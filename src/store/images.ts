import { join } from 'node:path';
import { label } from '../crypto/bytes.js';
import type { Random } from '../crypto/random.js';
import { seal, unseal } from '../crypto/sealed.js';
import { writeWhole, type Files } from './files.js';
import { fileName } from './folder.js';

export type ImageKind = 'replay' | 'history';

/** Where a participant's files are, and what they are sealed with. */
export interface Place {
  readonly dir: string;
  /** 32 bytes. */
  readonly storageKey: Uint8Array;
  readonly random: Random;
  readonly files: Files;
}

// The number belongs to the purpose: an image under another's name doesn't open.
const purpose = (kind: ImageKind, number: number): Uint8Array => label(`${kind} image ${number}`);

/** Seals a database's image and puts it in its place, whole or not at all. */
export async function writeImage(
  place: Place,
  kind: ImageKind,
  number: number,
  image: Uint8Array,
): Promise<void> {
  const sealed = seal(place.storageKey, purpose(kind, number), place.random(16), image);
  await writeWhole(join(place.dir, fileName(kind, number)), sealed, place.files);
}

export interface FoundImage {
  /** 0 without an image: there is nothing before journal 1. */
  readonly number: number;
  readonly image?: Uint8Array;
  /** A newer one doesn't open. */
  readonly damaged: boolean;
}

/** The newest of the images with these numbers (ascending) that opens. Throws the disk's errors. */
export async function newestImage(
  place: Place,
  kind: ImageKind,
  numbers: readonly number[],
): Promise<FoundImage> {
  for (const number of numbers.toReversed()) {
    const sealed = await place.files.readFile(join(place.dir, fileName(kind, number)));
    const image = unseal(place.storageKey, purpose(kind, number), sealed);
    if (image) return { number, image, damaged: number !== numbers.at(-1) };
  }
  return { number: 0, damaged: numbers.length > 0 };
}
