import type { ChatState, FromWebview, GroupView, ToWebview } from '../src/shared/view.js';
import { Announcer } from './announcer.js';
import { Composer } from './composer.js';
import { ConnectionLine } from './connectionLine.js';
import { el, hiddenText, setAttribute } from './dom.js';
import { Drafts } from './drafts.js';
import { emptyState, type RunCommand } from './emptyState.js';
import { GroupSwitcher } from './groupSwitcher.js';
import { icon } from './icons.js';
import { Invitations } from './invitations.js';
import { MemberList } from './memberList.js';
import { MessageList, type Place } from './messageList.js';
import { PageState } from './state.js';
import { progressRing } from './toolkit.js';

/** What VS Code may keep for the page in the clear: nothing that says who or what. */
export interface Memory {
  readonly members?: boolean;
  readonly place?: Place | undefined;
}

export interface AppOptions {
  readonly inEditor: boolean;
  readonly memory: Memory;
  readonly post: (message: FromWebview) => void;
  readonly isAttentive: () => boolean;
}

function openInEditor(run: RunCommand): HTMLElement {
  const label = 'Open in editor';
  const tool = el(
    'button',
    { class: 'tool', type: 'button', title: label },
    icon('openInEditor'),
    hiddenText(label),
  );
  tool.addEventListener('click', () => run('openInEditor'));
  return tool;
}

/** The page: it takes the host's messages apart and hands them to its parts. */
export class App {
  private readonly state = new PageState();
  private readonly drafts = new Drafts((group, text) => this.options.post({ type: 'draft', group, text }));
  private readonly announcer = new Announcer();
  private readonly header: HTMLElement;
  private readonly screen = el('div', { class: 'screen' }, progressRing('Loading'));
  private readonly switcher = new GroupSwitcher((group) => this.pick(group));
  private readonly members: MemberList;
  private readonly invitations: Invitations;
  private readonly list: MessageList;
  private readonly composer: Composer;
  private readonly connection: ConnectionLine;
  private readonly run: RunCommand = (command) => this.options.post({ type: 'command', command });
  private group: string | undefined;
  private firstPlace: Place | undefined;
  private screenShown = '';

  constructor(
    root: HTMLElement,
    private readonly options: AppOptions,
  ) {
    const { post, memory } = options;
    this.firstPlace = memory.place;
    this.members = new MemberList(memory.members === true);
    this.invitations = new Invitations({
      accept: (invitation) => post({ type: 'accept', invitation }),
      decline: (invitation) => post({ type: 'decline', invitation }),
    });
    this.composer = new Composer(this.drafts, {
      send: (group, text) => post({ type: 'send', group, text }),
    });
    this.list = new MessageList({
      older: (before) => this.group !== undefined && post({ type: 'older', group: this.group, before }),
      read: (upTo) => this.group !== undefined && post({ type: 'read', group: this.group, upTo }),
      leave: () => this.composer.focus(),
      isAttentive: options.isAttentive,
    });
    this.connection = new ConnectionLine(this.run);
    const tool = options.inEditor ? undefined : openInEditor(this.run);
    const bar = el('div', { class: 'bar' }, this.switcher.element, tool);
    this.header = el('header', {}, bar, this.members.element);
    const chat = [this.list.element, this.composer.element];
    const title = el('h1', { class: 'sr' }, 'Secure Chat');
    const main = el('main', {}, title, this.invitations.element, this.screen, ...chat);
    root.append(this.header, main, this.connection.element, this.announcer.element);
    this.showParts();
  }

  receive(message: ToWebview): void {
    switch (message.type) {
      case 'state':
        return this.update(message.state);
      case 'sendFailed':
        return this.composer.sendFailed(message.group, message.text, message.error);
      case 'page': {
        this.state.confirm(message.group);
        if (message.group !== this.group) return;
        const { messages, older, before, draft } = message;
        if (before !== undefined) return this.list.prepend(messages, older);
        this.composer.load(message.group, draft);
        return this.list.replace(messages, older, this.state.group?.unread ?? 0);
      }
      case 'messages':
        if (message.group === this.group) this.announcer.announce(this.list.upsert(message.messages));
    }
  }

  /** What VS Code may keep. */
  get memory(): Memory {
    return { members: this.members.element.open, place: this.list.place };
  }

  /** Somebody looks at the page again. */
  look(): void {
    this.list.look();
  }

  focus(): void {
    this.composer.focus();
  }

  /** The page may be gone in a moment. */
  flush(): void {
    this.drafts.flush();
  }

  private update(chat: ChatState): void {
    if (this.state.update(chat)) this.forget();
    const { group } = this.state;
    if (this.state.screen === 'chat' && group === undefined) this.pick(chat.groups[0]!.id);
    else this.showParts();
  }

  /** Another participant, none, or names to be hidden: nothing of before stays on the page. */
  private forget(): void {
    this.composer.clear();
    this.announcer.clear();
    this.list.clear();
    this.group = undefined;
    const { group } = this.state;
    if (group !== undefined) this.options.post({ type: 'select', group: group.id });
  }

  private pick(group: string): void {
    this.drafts.flush();
    this.state.pick(group);
    this.options.post({ type: 'select', group });
    this.showParts();
    this.composer.focus();
  }

  private showParts(): void {
    const { chat, screen, group, groups } = this.state;
    this.showScreen();
    this.switcher.update(groups, group?.id);
    this.invitations.update(screen === 'elsewhere' ? [] : (chat?.invitations ?? []));
    if (chat !== undefined) this.connection.update(chat.connection);
    setAttribute(this.connection.element, 'hidden', screen === 'create');
    for (const part of [this.header, this.list.element, this.composer.element]) {
      setAttribute(part, 'hidden', group === undefined);
    }
    if (group !== undefined) this.showGroup(group);
  }

  private showGroup(group: GroupView): void {
    if (group.id !== this.group) {
      this.group = group.id;
      this.announcer.clear();
      this.list.clear(this.firstPlace);
      this.firstPlace = undefined;
    }
    this.members.update(group.members, this.state.chat?.discreet === true);
    this.list.setPeople(new Map(group.members.map((member) => [member.fingerprint, member])));
    this.composer.show(group);
  }

  private showScreen(): void {
    const { chat, screen } = this.state;
    const shown = JSON.stringify([screen, chat?.elsewhere]);
    if (shown === this.screenShown) return;
    this.screenShown = shown;
    setAttribute(document.body, 'data-screen', screen);
    const isEmpty = screen !== 'loading' && screen !== 'chat' && screen !== 'invitations';
    setAttribute(this.screen, 'hidden', screen === 'chat' || screen === 'invitations');
    if (isEmpty && chat !== undefined) this.screen.replaceChildren(emptyState(screen, chat, this.run));
  }
}
