import type { GroupView } from '../src/shared/view.js';
import { byteLength, lengthNote } from './textLength.js';
import { Callout } from './callout.js';
import { el, setAttribute, setText } from './dom.js';
import type { Drafts } from './drafts.js';
import { missingNote } from './format.js';
import { growWithText } from './growWithText.js';
import { icon } from './icons.js';
import { button } from './toolkit.js';

export interface ComposerOptions {
  readonly send: (group: string, text: string) => void;
}

/** An Enter that picks a suggestion of an input method; 229 is what some of them send once they have ended. */
const isComposing = (event: KeyboardEvent): boolean =>
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- nothing else tells of the latter
  event.isComposing || event.keyCode === 229;

const joinLines = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join('\n');

/** Where messages are written. What is typed is in `drafts` at every moment. */
export class Composer {
  readonly element: HTMLElement;
  private readonly input = el('textarea', {
    'aria-label': 'Message',
    'aria-describedby': 'stopped length',
    placeholder: 'Message',
    rows: 1,
  });
  private readonly sendButton = button('Send', 'primary', () => this.send(), icon('send'));
  private readonly error = new Callout('error', { role: 'alert' });
  private readonly stopped = new Callout('stopped', { id: 'stopped' });
  private readonly missing = new Callout('stopped', { role: 'status' });
  private readonly length = el('span', { class: 'length', id: 'length' });
  private group: GroupView | undefined;
  /** Typed in since the group came up: what the host sends of it is older. */
  private touched = false;
  /** Groups whose draft the host has handed over. */
  private readonly loaded = new Set<string>();
  /** Texts that could not be sent, as they stand at the beginning of the draft, and why. */
  private readonly failed = new Map<string, { readonly text: string; readonly error: string }>();
  /** Failures in groups whose draft isn't here yet: to save one now would overwrite that draft. */
  private early: { readonly group: string; readonly text: string; readonly error: string }[] = [];

  constructor(
    private readonly drafts: Drafts,
    private readonly options: ComposerOptions,
  ) {
    const hint = el('span', { class: 'hint', 'aria-hidden': 'true' }, 'Shift+Enter for a new line');
    const foot = el('div', { class: 'foot' }, hint, this.length, this.sendButton);
    const box = el('div', { class: 'box' }, this.input, foot);
    this.element = el(
      'div',
      { class: 'composer' },
      this.missing.element,
      this.error.element,
      this.stopped.element,
      box,
    );
    this.input.addEventListener('input', () => this.edited());
    this.input.addEventListener('keydown', (event) => this.pressed(event));
    // The whole box looks like the field, so all of it leads there.
    box.addEventListener('click', (event) => {
      if (event.target === box || event.target === foot || event.target === hint) this.focus();
    });
    growWithText(this.input);
  }

  focus(): void {
    this.input.focus();
  }

  /** The group that is on the page now, or how it is now. */
  show(group: GroupView): void {
    const isOther = this.group?.id !== group.id;
    this.group = group;
    if (isOther) {
      this.drafts.flush();
      this.touched = false;
      this.setValue(this.drafts.get(group.id) ?? '');
    }
    this.stopped.update(group.stopped);
    this.missing.update(missingNote(group.missing));
    if (isOther) this.error.update(this.failed.get(group.id)?.error);
    this.update();
  }

  /** The host's draft. Nothing that was typed here meanwhile gives way to it. */
  load(group: string, draft: string | undefined): void {
    if (this.group?.id !== group) return;
    const isFirst = !this.loaded.has(group);
    this.loaded.add(group);
    if (draft !== undefined && !this.touched) {
      this.drafts.load(group, draft);
      this.setValue(draft);
    } else if (draft !== undefined && isFirst) this.change(group, joinLines(draft, this.input.value));
    const late = this.early.filter((failure) => failure.group === group);
    this.early = this.early.filter((failure) => failure.group !== group);
    for (const failure of late) this.sendFailed(failure.group, failure.text, failure.error);
  }

  /** In front of what was typed since, behind what had failed before. */
  sendFailed(group: string, text: string, error: string): void {
    if (!this.loaded.has(group)) {
      this.early.push({ group, text, error });
      return;
    }
    const draft = this.drafts.get(group) ?? '';
    const before = this.failed.get(group)?.text ?? '';
    const kept = draft.startsWith(before) ? before : '';
    const back = joinLines(kept, text);
    this.failed.set(group, { text: back, error });
    this.change(group, joinLines(back, draft.slice(kept.length).replace(/^\n/, '')));
    this.drafts.flush();
    if (this.group?.id === group) this.error.update(error);
  }

  /** Nothing that was written may be seen any more. */
  clear(): void {
    this.drafts.clear();
    this.loaded.clear();
    this.failed.clear();
    this.early = [];
    this.group = undefined;
    this.error.update(undefined);
    this.setValue('');
  }

  private change(group: string, text: string): void {
    this.drafts.edit(group, text);
    if (this.group?.id !== group) return;
    this.touched = true;
    this.setValue(text);
  }

  private setValue(text: string): void {
    if (this.input.value !== text) this.input.value = text;
    this.input.dispatchEvent(new Event('resize'));
    this.update();
  }

  private edited(): void {
    if (this.group === undefined) return;
    this.touched = true;
    this.drafts.edit(this.group.id, this.input.value);
    this.update();
  }

  private pressed(event: KeyboardEvent): void {
    if (event.key !== 'Enter' || event.shiftKey || event.altKey || isComposing(event)) return;
    event.preventDefault();
    this.send();
  }

  private send(): void {
    const text = this.input.value;
    const { group } = this;
    if (group === undefined || group.stopped !== undefined || text.trim() === '') return;
    const { problem } = lengthNote(byteLength(text));
    this.error.update(problem);
    if (problem !== undefined) return;
    this.failed.delete(group.id);
    this.options.send(group.id, text);
    this.change(group.id, '');
    this.drafts.flush();
    this.focus();
  }

  private update(): void {
    const { note, problem } = lengthNote(byteLength(this.input.value));
    const isStopped = this.group?.stopped !== undefined;
    setText(this.length, note ?? '');
    setAttribute(this.input, 'aria-invalid', problem !== undefined && 'true');
    this.input.disabled = isStopped;
    setAttribute(this.sendButton, 'disabled', isStopped || this.input.value.trim() === '');
  }
}
