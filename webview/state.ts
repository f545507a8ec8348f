import type { ChatState, GroupView } from '../src/shared/view.js';

export type Screen = 'loading' | 'create' | 'elsewhere' | 'unlock' | 'invite' | 'invitations' | 'chat';

export function screenOf(state: ChatState | undefined): Screen {
  if (state === undefined) return 'loading';
  if (state.elsewhere !== undefined) return 'elsewhere';
  if (state.participants === 0 && state.me === undefined) return 'create';
  if (state.me === undefined) return 'unlock';
  if (state.groups.length > 0) return 'chat';
  return state.invitations.length > 0 ? 'invitations' : 'invite';
}

/** The host's state and the one thing the page decides first: which group was just picked. */
export class PageState {
  chat: ChatState | undefined;
  /** Picked here, not confirmed by the host yet: an older state must not flip the page back. */
  private picked: string | undefined;

  get screen(): Screen {
    return screenOf(this.chat);
  }

  get groups(): readonly GroupView[] {
    return this.chat?.groups ?? [];
  }

  /** The group on the page. */
  get group(): GroupView | undefined {
    if (this.screen !== 'chat') return undefined;
    const find = (id: string | undefined) => this.groups.find((group) => group.id === id);
    return find(this.picked) ?? find(this.chat?.selected);
  }

  /** Returns whether everything the page holds belongs to someone else now, or must not be seen any more. */
  update(chat: ChatState): boolean {
    const before = this.chat;
    this.chat = chat;
    if (chat.selected === this.picked) this.picked = undefined;
    const isStale =
      before !== undefined &&
      (before.me?.fingerprint !== chat.me?.fingerprint || before.discreet !== chat.discreet);
    if (isStale) this.picked = undefined;
    return isStale;
  }

  pick(group: string): void {
    this.picked = group;
  }

  confirm(group: string): void {
    if (group === this.picked && this.chat?.selected !== group && this.chat !== undefined) {
      this.chat = { ...this.chat, selected: group };
    }
    if (group === this.picked) this.picked = undefined;
  }
}
