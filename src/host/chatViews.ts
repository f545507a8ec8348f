import {
  Disposable,
  ViewColumn,
  window,
  Uri,
  type LogOutputChannel,
  type WebviewPanel,
  type WebviewView,
} from 'vscode';
import type { ChatModel } from './chatModel.js';
import { ChatPage, type PageCommand } from './chatPage.js';

export const CHAT_VIEW = 'secureChat.chat';
const PANEL = 'secureChat.panel';

/** The chat in the sidebar, and in the editor area if somebody wants it large. */
export class ChatViews implements Disposable {
  #view: WebviewView | undefined;
  #panel: WebviewPanel | undefined;
  readonly #subscriptions: Disposable;

  constructor(
    private readonly extensionUri: Uri,
    private readonly model: ChatModel,
    private readonly run: (command: PageCommand) => void,
    private readonly log: LogOutputChannel,
  ) {
    this.#subscriptions = Disposable.from(
      window.registerWebviewViewProvider(CHAT_VIEW, { resolveWebviewView: (view) => this.#resolve(view) }),
      window.registerWebviewPanelSerializer(PANEL, {
        deserializeWebviewPanel: (panel) => Promise.resolve(this.#adopt(panel)),
      }),
    );
  }

  /** Whether a person can see the chat now. */
  get visible(): boolean {
    return this.#view?.visible === true || this.#panel?.visible === true;
  }

  openInEditor(): void {
    if (this.#panel) return this.#panel.reveal();
    this.#adopt(window.createWebviewPanel(PANEL, 'Secure Chat', ViewColumn.Active));
  }

  #resolve(view: WebviewView): void {
    const page = this.#page(view.webview, 'sidebar');
    this.#view = view;
    view.onDidDispose(() => {
      page.dispose();
      if (this.#view === view) this.#view = undefined;
    });
  }

  #adopt(panel: WebviewPanel): void {
    const page = this.#page(panel.webview, 'editor');
    this.#panel = panel;
    panel.iconPath = Uri.joinPath(this.extensionUri, 'media/secure-chat.svg');
    panel.onDidDispose(() => {
      page.dispose();
      if (this.#panel === panel) this.#panel = undefined;
    });
  }

  #page(webview: WebviewView['webview'], place: 'sidebar' | 'editor'): ChatPage {
    return new ChatPage(webview, place, this.extensionUri, this.model, this.run, this.log);
  }

  dispose(): void {
    this.#subscriptions.dispose();
  }
}
