import { join } from 'node:path';
import type { Uri } from 'vscode';
import type { Card } from '../protocol/card.js';

/** A participant whose key file is on this machine. */
export interface LocalParticipant {
  readonly dir: string;
  readonly keyFile: Uint8Array;
  readonly card: Card;
}

/** The participants of this machine: folders that all windows share. */
export class LocalParticipants {
  readonly root: string;

  constructor(storage: Uri) {
    this.root = join(storage.fsPath, 'participants');
  }

  /** Sorted by name; key files that can't be read are reported, not thrown. */
  async list(report: (problem: string) => void = () => undefined): Promise<LocalParticipant[]> {
    const [{ listKeyFiles }, { keyFileCard }] = await Promise.all([
      import('../store/keyFiles.js'),
      import('../protocol/keyFile.js'),
    ]);
    const found: LocalParticipant[] = [];
    for (const { dir, bytes } of await listKeyFiles(this.root, report)) {
      try {
        found.push({ dir, keyFile: bytes, card: keyFileCard(bytes) });
      } catch (error) {
        report(`${(error as Error).message} (${dir})`);
      }
    }
    return found.sort((a, b) => a.card.name.localeCompare(b.card.name));
  }
}
