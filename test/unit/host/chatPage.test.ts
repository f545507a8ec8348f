import { expect, it, vi } from 'vitest';
import type { LogOutputChannel, Uri, Webview } from 'vscode';
import type { ChatModel } from '../../../src/host/chatModel.js';
import { ChatPage } from '../../../src/host/chatPage.js';

vi.mock('vscode', () => ({
  Disposable: {
    from: (...all: { dispose(): void }[]) => ({ dispose: () => all.forEach((each) => each.dispose()) }),
  },
  Uri: { joinPath: () => 'file:///dist' },
}));

it('a message that comes while the page is read is shown after it', async () => {
  const posted: string[] = [];
  let receive: (message: unknown) => void = () => undefined;
  const webview = {
    cspSource: '',
    asWebviewUri: String,
    postMessage: ({ type }: { type: string }) => posted.push(type),
    onDidReceiveMessage: (listener: typeof receive) => {
      receive = listener;
      return { dispose: () => undefined };
    },
  };
  const listeners = new Set<(update: object) => void>();
  let read: (page: object) => void = () => undefined;
  const model = {
    state: () => ({}),
    page: () => new Promise((resolve) => (read = resolve)),
    onState: () => ({ dispose: () => undefined }),
    onSelected: () => ({ dispose: () => undefined }),
    onMessages: (listener: (update: object) => void) => {
      listeners.add(listener);
      return { dispose: () => listeners.delete(listener) };
    },
  };
  new ChatPage(
    webview as unknown as Webview,
    'sidebar',
    undefined as unknown as Uri,
    model as unknown as ChatModel,
    () => undefined,
    {} as LogOutputChannel,
  );
  receive({ type: 'ready' });
  for (const listener of [...listeners]) listener({ group: 'a', messages: [] });
  read({ group: 'a', messages: [], older: false });
  await vi.waitFor(() => expect(posted).toEqual(['state', 'messages', 'page', 'messages']));
  expect(listeners.size).toBe(1);
});
