import { dirname, basename } from 'node:path';
import type { Files } from '../../src/store/files.js';

const fail = (code: string, path: string): never => {
  throw Object.assign(new Error(`${code}: ${path}`), { code, path });
};

interface Inode {
  data: Uint8Array;
  /** What a power failure leaves for sure. */
  synced: Uint8Array;
}

/** One folder's files in memory, of which a power failure leaves only what was synced, and some of the rest. */
export class MemoryDisk {
  #names = new Map<string, Inode>();
  #syncedNames = new Map<string, Inode>();
  /** Changes to names since the folder was synced, in order. */
  #renames: ((names: Map<string, Inode>) => void)[] = [];

  readonly files = {
    open: async (path: string, flags: string) => this.#open(path, flags),
    readFile: async (path: string) => Buffer.from(this.#inode(path).data),
    readdir: async (dir: string) =>
      [...this.#names.keys()].filter((path) => dirname(path) === dir).map((path) => basename(path)),
    rename: async (from: string, to: string) => {
      const inode = this.#inode(from);
      this.#rename((names) => {
        names.delete(from);
        names.set(to, inode);
      });
    },
    rm: async (path: string) => this.#rename((names) => names.delete(path)),
  } as unknown as Files;

  copy(): MemoryDisk {
    return this.afterPowerFailure(() => 1 - Number.EPSILON);
  }

  size(path: string): number {
    return this.#inode(path).data.length;
  }

  /** Leaves the first bytes of a file. */
  cut(path: string, size: number): void {
    const inode = this.#inode(path);
    inode.data = inode.data.slice(0, size);
  }

  /** Flips the bits of a byte that are set in `bits`. */
  damage(path: string, at: number, bits = 1): void {
    const { data } = this.#inode(path);
    data[at] = (data[at] as number) ^ bits;
  }

  /** What is there after the power failed; `chance` gives numbers from 0 to 1, 1 excluded. */
  afterPowerFailure(chance: () => number): MemoryDisk {
    const disk = new MemoryDisk();
    const names = new Map(this.#syncedNames);
    const lasting = Math.floor(chance() * (this.#renames.length + 1));
    for (const change of this.#renames.slice(0, lasting)) change(names);
    for (const [path, { data, synced }] of names) {
      const kept = synced.length + Math.floor(chance() * (data.length - synced.length + 1));
      const left = data.subarray(0, kept).slice();
      disk.#names.set(path, { data: left, synced: left });
    }
    disk.#syncedNames = new Map(disk.#names);
    return disk;
  }

  #inode(path: string): Inode {
    return this.#names.get(path) ?? fail('ENOENT', path);
  }

  #rename(change: (names: Map<string, Inode>) => void): void {
    change(this.#names);
    this.#renames.push(change);
  }

  #open(path: string, flags: string) {
    if (flags === 'r')
      return {
        sync: async () => {
          this.#syncedNames = new Map(this.#names);
          this.#renames = [];
        },
        close: async () => {},
      };
    if (flags === 'wx' && this.#names.has(path)) fail('EEXIST', path);
    const inode: Inode =
      flags === 'r+' ? this.#inode(path) : { data: new Uint8Array(), synced: new Uint8Array() };
    if (flags !== 'r+') this.#rename((names) => names.set(path, inode));
    const sync = async () => void (inode.synced = inode.data);
    return {
      writeFile: async (data: Uint8Array | string) => {
        inode.data = new Uint8Array(Buffer.concat([inode.data, Buffer.from(data)]));
      },
      sync,
      datasync: sync,
      close: async () => {},
    };
  }
}
