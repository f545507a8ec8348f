import './styles/base.css';
import './styles/header.css';
import './styles/messages.css';
import './styles/composer.css';
import './styles/screens.css';
import type { FromWebview, ToWebview } from '../src/shared/view.js';
import { App, type Memory } from './app.js';

interface VsCodeApi {
  postMessage(message: FromWebview): void;
  getState(): Memory | undefined;
  setState(state: Memory): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

const REMEMBER_MS = 500;

const vscode = acquireVsCodeApi();
const app = new App(document.body, {
  inEditor: document.body.dataset['place'] === 'editor',
  memory: vscode.getState() ?? {},
  post: (message) => vscode.postMessage(message),
  isAttentive: () => document.visibilityState === 'visible' && document.hasFocus(),
});

/** The view is thrown away when it is hidden, and nobody says so in time. */
function save(): void {
  app.flush();
  vscode.setState(app.memory);
}

let timer: ReturnType<typeof setTimeout> | undefined;
function saveSoon(): void {
  clearTimeout(timer);
  timer = setTimeout(() => vscode.setState(app.memory), REMEMBER_MS);
}

window.addEventListener('message', (event: MessageEvent<ToWebview>) => app.receive(event.data));
window.addEventListener('blur', save);
window.addEventListener('pagehide', save);
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') save();
  else app.look();
});
document.addEventListener('scroll', saveSoon, { capture: true, passive: true });
document.addEventListener('toggle', saveSoon, { capture: true });
window.addEventListener('focus', () => {
  if (document.activeElement === document.body) app.focus();
  app.look();
});
vscode.postMessage({ type: 'ready' });
