import { Disposable, EventEmitter } from 'vscode';
import type { ChatClient } from '../client/chatClient.js';
import { UserError } from '../protocol/errors.js';
import type { ChatState, MessageView, ToWebview } from '../shared/view.js';
import type { CurrentSession } from './currentSession.js';
import { Discreet } from './discreet.js';
import { setting } from './settings.js';

type Page = Omit<Extract<ToWebview, { type: 'page' }>, 'type'>;
type Messages = Omit<Extract<ToWebview, { type: 'messages' }>, 'type'>;

/** What the window shows of its session: one source for the pages, the tree, the status bar. */
export class ChatModel implements Disposable {
  readonly #state = new EventEmitter<void>();
  readonly #messages = new EventEmitter<Messages>();
  readonly #selected = new EventEmitter<void>();
  readonly onState = this.#state.event;
  /** Of the selected group. */
  readonly onMessages = this.#messages.event;
  /** Another group, or none, is selected; the state that says so was announced before. */
  readonly onSelected = this.#selected.event;

  #group: string | undefined;
  #participants = 0;
  #discreet = new Discreet();
  #due = false;
  readonly #subscriptions: Disposable;

  constructor(private readonly session: CurrentSession) {
    this.#subscriptions = Disposable.from(
      session.onChanged(() => this.changed()),
      session.onOpened((client) => {
        this.#discreet = new Discreet();
        this.#group = undefined;
        client.events.on('messages', (group, messages) => {
          if (group === this.#group) this.#messages.fire({ group, messages: this.#veil(messages) });
        });
      }),
    );
  }

  /** Participants whose key files are on this machine. */
  set participants(count: number) {
    this.#participants = count;
    this.changed();
  }

  /** Several changes of one tick are shown once. */
  changed(): void {
    if (this.#due) return;
    this.#due = true;
    setImmediate(() => {
      this.#due = false;
      const groups = this.session.client?.view().groups ?? [];
      const kept = groups.some(({ id }) => id === this.#group);
      if (!kept) this.#group = groups[0]?.id;
      this.#state.fire();
      if (!kept) this.#selected.fire();
    });
  }

  /** The unlocked session. Throws UserError 'locked'. */
  client(): ChatClient {
    const { client } = this.session;
    if (!client)
      throw new UserError('locked', 'Nobody is unlocked in this window. Unlock a participant first.');
    return client;
  }

  state(): ChatState {
    const { client, elsewhere } = this.session;
    const discreet = setting('discreetMode');
    const state: ChatState = {
      participants: this.#participants,
      connection: {
        state: 'locked',
        detail:
          this.#participants === 0
            ? 'There is no participant on this machine yet.'
            : 'Nobody is unlocked in this window.',
      },
      groups: [],
      invitations: [],
      discreet,
      ...(client?.view() ?? {}),
      ...(elsewhere ? { elsewhere: elsewhere.name } : {}),
      ...(this.#group ? { selected: this.#group } : {}),
    };
    return discreet ? this.#discreet.state(state) : state;
  }

  select(group: string): void {
    if (
      !this.client()
        .view()
        .groups.some(({ id }) => id === group)
    )
      return;
    this.#group = group;
    this.#state.fire();
    this.#selected.fire();
  }

  /** A page of the given group, or the newest of the selected one with its draft. */
  async page(group = this.#group, before?: number): Promise<Page | undefined> {
    const { client } = this.session;
    if (!client || !group) return undefined;
    const { messages, older } = await client.page(group, before);
    const page = { group, messages: this.#veil(messages), older };
    return before === undefined ? { ...page, draft: client.draft(group) } : { ...page, before };
  }

  #veil(messages: readonly MessageView[]): readonly MessageView[] {
    return setting('discreetMode') ? messages.map((message) => this.#discreet.message(message)) : messages;
  }

  dispose(): void {
    this.#subscriptions.dispose();
    this.#state.dispose();
    this.#messages.dispose();
    this.#selected.dispose();
  }
}
