import { expect, it } from 'vitest';
import { chatPageHtml } from '../../../src/host/page.js';

it('the chat page runs one script and loads nothing from elsewhere', () => {
  const html = chatPageHtml({
    script: 'https://host/webview.js?a&b',
    style: 'https://host/"><script>',
    cspSource: 'https://host',
    nonce: 'bm9uY2U=',
    place: 'sidebar',
  });
  expect(html).toContain('default-src &#39;none&#39;; script-src &#39;nonce-bm9uY2U=&#39;;');
  expect(html.match(/<script/g)).toHaveLength(1);
  expect(html).toContain('<script nonce="bm9uY2U=" src="https://host/webview.js?a&amp;b">');
  expect(html).toContain('<body data-place="sidebar">');
  expect(html).not.toMatch(/unsafe-eval|script-src[^;]*unsafe-inline|connect-src/);
});
