import { describe, expect, it } from 'vitest';
import { safetyPageHtml, type SafetyPage } from '../../../src/host/safetyPage.js';

const page = (change: Partial<SafetyPage> = {}): string =>
  safetyPageHtml({
    name: 'Bo <script>',
    me: 'Ada & Co',
    number: ['01234', '56789'],
    qrCode: '<svg></svg>',
    changed: false,
    nonce: 'bm9uY2U=',
    ...change,
  });

describe('the view of a safety number', () => {
  it('shows the digits, and asks whether they match', () => {
    const html = page();
    expect(html).toContain('<span>01234</span> <span>56789</span>');
    expect(html).toContain('<svg></svg>');
    expect([...html.matchAll(/<button value="(\w+)"/g)].map(([, value]) => value)).toEqual([
      'match',
      'differ',
    ]);
  });

  it('runs one script, loads nothing and takes names as text', () => {
    const html = page();
    expect(html.match(/<script/g)).toHaveLength(1);
    expect(html).toContain('<script nonce="bm9uY2U=">');
    expect(html).toContain('default-src &#39;none&#39;; script-src &#39;nonce-bm9uY2U=&#39;;');
    expect(html).toContain('Bo &lt;script&gt;');
    expect(html).toContain('Ada &amp; Co');
  });

  it('shows no number and takes no answer once the key has changed', () => {
    const html = page({ changed: true });
    expect(html).toContain('Nothing was verified');
    expect(html).not.toContain('01234');
    expect([...html.matchAll(/<button value="(\w+)"/g)].map(([, value]) => value)).toEqual(['close']);
  });
});
