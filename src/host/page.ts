export interface ChatPage {
  /** Addresses of dist/webview.js and dist/webview.css, as `webview.asWebviewUri` gives them. */
  readonly script: string;
  readonly style: string;
  /** `webview.cspSource`. */
  readonly cspSource: string;
  /** At least 128 random bits in base64, new for each page. */
  readonly nonce: string;
  readonly place: 'sidebar' | 'editor';
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '"': '&quot;',
  "'": '&#39;',
  '<': '&lt;',
  '>': '&gt;',
};

/** Text for an HTML document, also inside quoted attributes. */
export const escapeHtml = (text: string): string =>
  text.replace(/[&"'<>]/g, (character) => ENTITIES[character] ?? '');

/** An HTML document; `head` and `body` are HTML, the rest is text. */
export const htmlPage = (title: string, policy: string, head: string, body: string): string =>
  `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>${escapeHtml(title)}</title>
    ${head}
  </head>
  ${body}
</html>
`;

/**
 * The document of the chat page. Everything it shows comes by message later, so nothing of it is secret.
 * Inline styles are allowed because the toolkit's components bring their own; scripts need the nonce.
 */
export function chatPageHtml({ script, style, cspSource, nonce, place }: ChatPage): string {
  const policy = [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}'`,
    `style-src ${cspSource} 'unsafe-inline'`,
    `font-src ${cspSource}`,
    `img-src ${cspSource}`,
    `base-uri 'none'`,
    `form-action 'none'`,
  ].join('; ');
  return htmlPage(
    'Secure Chat',
    policy,
    `<link rel="stylesheet" href="${escapeHtml(style)}" />`,
    `<body data-place="${place}">
    <script nonce="${escapeHtml(nonce)}" src="${escapeHtml(script)}"></script>
  </body>`,
  );
}
