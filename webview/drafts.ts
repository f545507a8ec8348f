import { MAX_DRAFT_LENGTH } from '../src/shared/limits.js';

const DELAY_MS = 250;

/** Unsent texts by group. They are kept by the host; the page holds no more than its own lifetime. */
export class Drafts {
  private readonly texts = new Map<string, string>();
  private readonly unsaved = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly save: (group: string, text: string) => void) {}

  get(group: string): string | undefined {
    return this.texts.get(group);
  }

  /** What the host has: nothing to save. */
  load(group: string, text: string): void {
    this.texts.set(group, text);
  }

  edit(group: string, text: string): void {
    this.texts.set(group, text);
    this.unsaved.add(group);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), DELAY_MS);
  }

  /** Saves at once: the page may be gone in a moment. */
  flush(): void {
    clearTimeout(this.timer);
    for (const group of this.unsaved) {
      this.save(group, (this.texts.get(group) ?? '').slice(0, MAX_DRAFT_LENGTH));
    }
    this.unsaved.clear();
  }

  clear(): void {
    this.flush();
    this.texts.clear();
  }
}
