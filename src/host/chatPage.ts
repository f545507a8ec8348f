import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import { Disposable, Uri, type LogOutputChannel, type Webview } from 'vscode';
import { FromWebview, type PAGE_COMMANDS, type ToWebview } from '../shared/view.js';
import type { ChatModel } from './chatModel.js';
import { chatPageHtml } from './page.js';
import { sayError } from './say.js';

export type PageCommand = (typeof PAGE_COMMANDS)[number];

/** One chat page, in the sidebar or in the editor area, kept in step with the model. */
export class ChatPage implements Disposable {
  readonly #subscriptions: Disposable;

  constructor(
    private readonly webview: Webview,
    place: 'sidebar' | 'editor',
    extensionUri: Uri,
    private readonly model: ChatModel,
    private readonly run: (command: PageCommand) => void,
    private readonly log: LogOutputChannel,
  ) {
    const dist = Uri.joinPath(extensionUri, 'dist');
    webview.options = { enableScripts: true, localResourceRoots: [dist] };
    this.#subscriptions = Disposable.from(
      webview.onDidReceiveMessage((message: unknown) => void this.#receive(message)),
      model.onState(() => this.#post({ type: 'state', state: model.state() })),
      model.onMessages((update) => this.#post({ type: 'messages', ...update })),
      model.onSelected(() => void this.#page()),
    );
    webview.html = chatPageHtml({
      script: webview.asWebviewUri(Uri.joinPath(dist, 'webview.js')).toString(),
      style: webview.asWebviewUri(Uri.joinPath(dist, 'webview.css')).toString(),
      cspSource: webview.cspSource,
      nonce: randomBytes(18).toString('base64'),
      place,
    });
  }

  #post(message: ToWebview): void {
    void this.webview.postMessage(message);
  }

  /** The newest page of the selected group; what came while it was read is not in it, and is shown after it. */
  async #page(): Promise<void> {
    const meanwhile: ToWebview[] = [];
    const listening = this.model.onMessages((update) => meanwhile.push({ type: 'messages', ...update }));
    try {
      const page = await this.model.page();
      if (!page) return;
      this.#post({ type: 'page', ...page });
      for (const update of meanwhile) this.#post(update);
    } finally {
      listening.dispose();
    }
  }

  async #receive(data: unknown): Promise<void> {
    const { success, output: message } = v.safeParse(FromWebview, data);
    if (!success) return this.log.warn('a message from the chat page was refused');
    try {
      await this.#handle(message);
    } catch (error) {
      if (message.type === 'send' && error instanceof Error)
        this.#post({ type: 'sendFailed', group: message.group, text: message.text, error: error.message });
      else sayError(this.log, error);
    }
  }

  async #handle(message: FromWebview): Promise<void> {
    const { model } = this;
    switch (message.type) {
      case 'ready':
        this.#post({ type: 'state', state: model.state() });
        return this.#page();
      case 'select':
        return model.select(message.group);
      case 'older': {
        const page = await model.page(message.group, message.before);
        if (page) this.#post({ type: 'page', ...page });
        return;
      }
      case 'command':
        return this.run(message.command);
      case 'send':
        return model.client().send(message.group, message.text);
      case 'draft':
        return model.client().setDraft(message.group, message.text);
      case 'read':
        return model.client().markRead(message.group, message.upTo);
      case 'accept':
        return model.select(await model.client().accept(message.invitation));
      case 'decline':
        return model.client().decline(message.invitation);
    }
  }

  dispose(): void {
    this.#subscriptions.dispose();
  }
}
