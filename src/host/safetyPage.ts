import { escapeHtml, htmlPage } from './page.js';

export interface SafetyPage {
  /** The other person, and who I am. */
  readonly name: string;
  readonly me: string;
  /** Groups of digits. */
  readonly number: readonly string[];
  /** An SVG picture of the digits. */
  readonly qrCode: string;
  /** Another key came up, or this one was revoked, while the page was open. */
  readonly changed: boolean;
  /** At least 128 random bits in base64, new for each page. */
  readonly nonce: string;
}

const STYLE = `
body { max-width: 34rem; margin: 1.5rem auto; padding: 0 1rem; line-height: 1.5 }
h1 { font-size: 1.4em; font-weight: 600 }
.number { display: grid; grid-template-columns: repeat(4, auto); justify-content: start; gap: .4rem 1.6rem;
  margin: 1.2rem 0; font: 1.6em var(--vscode-editor-font-family, monospace); font-variant-numeric: tabular-nums }
.code svg { display: block; width: 11rem; height: 11rem }
.actions { display: flex; flex-wrap: wrap; gap: .6rem; margin-top: 1.4rem }
button { padding: .4rem .9rem; font: inherit; cursor: pointer; color: var(--vscode-button-foreground);
  background: var(--vscode-button-background); border: 1px solid var(--vscode-button-border, transparent); border-radius: 2px }
button:hover { background: var(--vscode-button-hoverBackground) }
button.secondary { color: var(--vscode-button-secondaryForeground); background: var(--vscode-button-secondaryBackground) }
button.secondary:hover { background: var(--vscode-button-secondaryHoverBackground) }
button:focus-visible { outline: 1px solid var(--vscode-focusBorder); outline-offset: 2px }
`;

const SCRIPT = `
const host = acquireVsCodeApi();
for (const button of document.querySelectorAll('button'))
  button.addEventListener('click', () => host.postMessage(button.value));
`;

/**
 * The document of the view “Safety number”. It answers by a message: 'match', 'differ' or 'close'. Inline styles are
 * allowed because the editor brings its own; scripts need the nonce.
 */
export function safetyPageHtml({ name, me, number, qrCode, changed, nonce }: SafetyPage): string {
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'`;
  const person = `<bdi>${escapeHtml(name)}</bdi>`;
  const body = changed
    ? `<h1>The key of ${person} changed</h1>
    <p role="alert">Another key came up under this name, or the card was revoked, while the number was open here.
      Nothing was verified. Close this view, and compare the number anew.</p>
    <p class="actions"><button value="close">Close</button></p>`
    : `<h1>Safety number with ${person}</h1>
    <p>Call ${person}, or meet. Run “Secure Chat: Verify safety number” there, too, and pick <bdi>${escapeHtml(me)}</bdi>.
      If both of you see the same digits, nobody is between you. Read them to each other; don’t send them in a chat.</p>
    <p class="number" aria-label="Safety number">${number.map((group) => `<span>${escapeHtml(group)}</span>`).join(' ')}</p>
    <div class="code" role="img" aria-label="The same digits as a QR code">${qrCode}</div>
    <p class="actions">
      <button value="match">They match</button>
      <button value="differ" class="secondary">They don’t match</button>
    </p>`;
  return htmlPage(
    'Safety number',
    policy,
    `<style>${STYLE}</style>`,
    `<body>
    <main>${body}</main>
    <script nonce="${escapeHtml(nonce)}">${SCRIPT}</script>
  </body>`,
  );
}
