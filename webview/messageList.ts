import type { MessageView } from '../src/shared/view.js';
import { articleKeys } from './articleKeys.js';
import { el, setAttribute } from './dom.js';
import { JumpButton } from './jumpButton.js';
import { growDown, growUp, rangeAround, rangeAtEnd, widen, type Range } from './range.js';
import { RowList } from './rowList.js';
import { rowsOf, type People } from './rows.js';
import { ScrollKeeper } from './scroll.js';
import { Thread } from './thread.js';
import { progressRing } from './toolkit.js';

export interface MessageListOptions {
  readonly older: (before: number) => void;
  readonly read: (upTo: number) => void;
  /** The keyboard leaves the list. */
  readonly leave: () => void;
  /** Someone is looking. */
  readonly isAttentive: () => boolean;
}

/** A place in the history that outlives the page: no text, no names. */
export interface Place {
  readonly position: number;
  /** How far below the upper edge of the list the message's text ends, in CSS pixels. */
  readonly below: number;
}

/** Pages fetched to get back to a place: beyond that the newest message is the better start. */
const SEEK_PAGES = 20;

/** A page that hasn't come by then is asked for again. */
const RETRY_MS = 5_000;

const BEGINNING = 'This is the beginning. Messages are end-to-end encrypted: the relay can’t read them.';

/** The messages of one group. A part of what is loaded is in the document, around what is in sight. */
export class MessageList {
  readonly element: HTMLElement;
  private readonly log: HTMLElement;
  private readonly ring = progressRing('Loading messages');
  private readonly beginning = el('p', { class: 'beginning' }, BEGINNING);
  private readonly rows = new RowList(el('div', { class: 'rows' }));
  private readonly scroll: ScrollKeeper;
  private readonly jump = new JumpButton(() => this.toNewest());
  private readonly thread = new Thread();
  private people: People = new Map();
  private range: Range = rangeAtEnd(0);
  private seek: (Place & { readonly pages: number }) | undefined;
  private isLoadingOlder = false;
  private askedOlder = 0;
  /** Highest position reported as read. */
  private reported = -1;

  constructor(private readonly options: MessageListOptions) {
    const top = el('div', { class: 'top' }, this.ring, this.beginning);
    // The announcer speaks of what is new. The log itself stays silent: older pages come in at its top.
    const attributes = { role: 'log', 'aria-label': 'Messages', 'aria-live': 'off', tabindex: 0 };
    this.log = el('div', { class: 'log', ...attributes }, top, this.rows.element);
    this.element = el('div', { class: 'messages' }, this.log, this.jump.element);
    this.scroll = new ScrollKeeper(this.log, this.rows.element);
    this.log.addEventListener('scroll', () => this.moved(), { passive: true });
    this.log.addEventListener('keydown', articleKeys(this.log, this.scroll, options.leave));
    const observer = new ResizeObserver(() => {
      this.scroll.settle();
      this.look();
    });
    observer.observe(this.log);
    observer.observe(this.rows.element);
    this.clear();
  }

  /** `place`: where the reader was when the page was last open. */
  clear(place?: Place): void {
    this.thread.clear();
    this.isLoadingOlder = false;
    this.reported = -1;
    this.seek = place && { ...place, pages: SEEK_PAGES };
    this.scroll.stuck = true;
    this.show(rangeAtEnd(0));
  }

  setPeople(people: People): void {
    this.people = people;
    this.show(this.range);
  }

  /** The newest page: it takes the place of everything. */
  replace(messages: readonly MessageView[], older: boolean, unread: number): void {
    const isFirst = !this.thread.loaded;
    const { place } = this;
    if (!isFirst && place !== undefined) this.seek = { ...place, pages: SEEK_PAGES };
    this.thread.replace(messages, older, unread);
    this.isLoadingOlder = false;
    this.scroll.stuck = true;
    this.show(rangeAtEnd(messages.length));
    if (this.seek !== undefined) this.seekPlace();
    else if (isFirst) this.toUnread();
    this.moved();
  }

  prepend(messages: readonly MessageView[], older: boolean): void {
    const added = this.thread.prepend(messages, older);
    this.isLoadingOlder = false;
    const { start, end } = this.range;
    if (this.scroll.stuck) this.show(rangeAtEnd(this.thread.messages.length));
    else this.show(growUp({ start: start + added, end: end + added }));
    if (this.seek !== undefined) this.seekPlace();
    this.moved();
  }

  /** Returns those that are new. */
  upsert(messages: readonly MessageView[]): readonly MessageView[] {
    if (!this.thread.loaded) return [];
    const wasComplete = this.isComplete;
    const added = this.thread.add(messages, this.options.isAttentive());
    if (added.some((message) => message.kind === 'text' && message.sender.me)) this.scroll.stuck = true;
    const { length } = this.thread.messages;
    if (this.scroll.stuck) this.show(rangeAtEnd(length));
    else this.show(wasComplete ? widen(this.range, length) : this.range);
    this.moved();
    return added;
  }

  /** Counts what is in sight as seen, and as read if somebody looks. */
  look(): void {
    const shown = this.scroll.lastShown()?.getAttribute('data-position');
    this.thread.seen = Math.max(this.thread.seen, Number(shown ?? -1));
    const { stuck } = this.scroll;
    const isFar = !this.isComplete || this.scroll.distanceToEnd > this.log.clientHeight;
    this.jump.update(stuck ? 0 : this.thread.unseen, !stuck && isFar);
    if (this.thread.seen > this.reported && this.options.isAttentive()) {
      this.reported = this.thread.seen;
      this.options.read(this.reported);
    }
  }

  /** Undefined at the newest message. */
  get place(): Place | undefined {
    if (this.seek !== undefined) return this.seek;
    const anchor = this.scroll.stuck ? undefined : this.scroll.capture();
    const position = anchor?.article.getAttribute('data-position');
    return anchor && position != null ? { position: Number(position), below: anchor.below } : undefined;
  }

  private get isComplete(): boolean {
    return this.range.end === this.thread.messages.length;
  }

  private show(range: Range): void {
    this.range = range;
    const { messages, newAfter, loaded, history } = this.thread;
    this.scroll.keep(() => {
      this.rows.show(rowsOf(messages, range, this.people, newAfter));
      setAttribute(this.log, 'aria-busy', String(!loaded));
      setAttribute(this.ring, 'hidden', loaded && !this.isLoadingOlder);
      setAttribute(this.beginning, 'hidden', !loaded || history.older || range.start > 0);
    });
  }

  private moved(): void {
    this.scroll.moved(this.isComplete);
    const { scrollTop, clientHeight } = this.log;
    if (scrollTop < clientHeight) {
      if (this.range.start > 0) this.show(growUp(this.range));
      else this.loadOlder();
    }
    if (!this.isComplete && this.scroll.distanceToEnd < clientHeight) {
      this.show(growDown(this.range, this.thread.messages.length));
    }
    this.look();
  }

  private loadOlder(): void {
    const { first, older } = this.thread.history;
    if (!older || first === undefined) return;
    if (this.isLoadingOlder && Date.now() - this.askedOlder < RETRY_MS) return;
    this.isLoadingOlder = true;
    this.askedOlder = Date.now();
    this.show(this.range);
    this.options.older(first.position);
  }

  private toNewest(): void {
    this.scroll.stuck = true;
    this.show(rangeAtEnd(this.thread.messages.length));
    this.moved();
    this.options.leave();
  }

  private toUnread(): void {
    const { messages, history, newAfter } = this.thread;
    if (newAfter === undefined) return;
    const index = history.indexFrom(newAfter + 1);
    if (index < this.range.start) {
      this.scroll.stuck = false;
      this.show(rangeAround(index, messages.length));
    }
    const line = this.rows.elementOf('new');
    const above = line && line.getBoundingClientRect().top - this.log.getBoundingClientRect().top;
    if (above !== undefined && above < 0) this.log.scrollTop += above;
  }

  private seekPlace(): void {
    const { seek } = this;
    const { messages, history } = this.thread;
    if (seek === undefined) return;
    if (history.older && seek.pages > 0 && (history.first?.position ?? 0) > seek.position) {
      this.seek = { ...seek, pages: seek.pages - 1 };
      this.loadOlder();
      return;
    }
    this.seek = undefined;
    const index = history.indexFrom(seek.position);
    if (messages[index]?.position !== seek.position) return;
    this.scroll.stuck = false;
    this.show(rangeAround(index, messages.length));
    const article = this.rows.element.querySelector(`[data-position="${seek.position}"]`);
    if (article !== null) this.scroll.restore({ article, below: seek.below });
  }
}
