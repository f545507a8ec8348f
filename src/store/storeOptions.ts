import type { Random } from '../crypto/random.js';
import type { Files } from './files.js';
import type { StartHistory } from './historyPort.js';

export interface StoreOptions {
  readonly dir: string;
  /** 32 bytes. */
  readonly storageKey: Uint8Array;
  /** sql-wasm.wasm. */
  readonly wasm: Uint8Array;
  readonly random: Random;
  readonly startHistory: StartHistory;
  /** Open it even if a running process has it open; that one is replaced. */
  readonly takeOver?: boolean;
  /** Called once, when another process has taken over. */
  readonly onReplaced?: () => void;
  /** A number kept outside the folder, so that an older copy of the folder is noticed. */
  readonly guard?: { get(): Promise<number | undefined>; set(n: number): Promise<void> };
  /** Records between checkpoints, 500 by default. */
  readonly checkpointEvery?: number;
  readonly files?: Files;
}
