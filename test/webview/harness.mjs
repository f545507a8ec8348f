/* global Event, KeyboardEvent, MessageEvent, MutationObserver, innerWidth, requestAnimationFrame */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { findChromium, launchOptions } from '../workbench/chromium.mjs';

const ORIGIN = 'https://webview.test';
const NONCE = 'dGhpcyBpcyBhIG5vbmNlIG9mIGEgdGVzdA==';
const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Values of VS Code 1.100's own themes, for the variables that the page and the toolkit use. */
export const THEMES = JSON.parse(read('./themes.json'));

/** What VS Code puts in front of the styles of every webview (1.100, webview/browser/pre/index.html). */
const DEFAULT_STYLES = read('./vscode-defaults.css');

export async function launchBrowser() {
  return chromium.launch({ ...launchOptions(), executablePath: await findChromium() });
}

let loading;
/** The page as src/host/page.ts makes it. */
const pageModule = () => (loading ??= loadPageModule());

async function loadPageModule() {
  const { outputFiles } = await build({
    entryPoints: [`${root}/src/host/page.ts`],
    bundle: true,
    format: 'esm',
    write: false,
    logLevel: 'error',
  });
  return import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
}

/** Runs in the page before anything else: VS Code's side of it. */
function fakeVsCode({ kind, variables, defaults, memory, background }) {
  const posted = [];
  const violations = [];
  let state = memory;
  let isAcquired = false;
  document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
    violations.push(`${violatedDirective} ${blockedURI}`),
  );
  const decorate = () => {
    const { documentElement, head, body } = document;
    for (const [name, value] of Object.entries(variables)) documentElement.style.setProperty(name, value);
    documentElement.style.background = `var(${background})`;
    if (head !== null && document.getElementById('_defaultStyles') === null) {
      const style = document.createElement('style');
      style.id = '_defaultStyles';
      style.textContent = defaults;
      head.prepend(style);
    }
    if (body === null) return;
    body.classList.add(kind);
    body.dataset.vscodeThemeKind = kind;
    observer.disconnect();
  };
  const observer = new MutationObserver(decorate);
  observer.observe(document, { childList: true, subtree: true });
  globalThis.harness = { posted, violations, memory: () => state, pageHtml: () => document.body.outerHTML };
  globalThis.acquireVsCodeApi = () => {
    if (isAcquired) throw new Error('An instance of the VS Code API has already been acquired');
    isAcquired = true;
    return Object.freeze({
      postMessage: (message) => void posted.push(structuredClone(message)),
      getState: () => state,
      setState: (next) => void (state = JSON.parse(JSON.stringify(next))),
    });
  };
}

/**
 * A chat page by itself, with a fake host. See harness.d.mts.
 */
export async function openChat(
  browser,
  { theme = 'dark', place = 'sidebar', width = 320, height = 640, memory, zoom = 1, reducedMotion } = {},
) {
  const { chatPageHtml } = await pageModule();
  const context = await browser.newContext({
    viewport: { width: Math.round(width / zoom), height: Math.round(height / zoom) },
    deviceScaleFactor: zoom,
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    reducedMotion: reducedMotion ?? 'no-preference',
  });
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  const html = chatPageHtml({
    script: `${ORIGIN}/webview.js`,
    style: `${ORIGIN}/webview.css`,
    cspSource: ORIGIN,
    nonce: NONCE,
    place,
  });
  const served = {
    '/': ['text/html', html],
    '/webview.js': ['text/javascript', read('../../dist/webview.js')],
    '/webview.css': ['text/css', read('../../dist/webview.css')],
  };
  await page.route('**/*', (route) => {
    const found = served[new URL(route.request().url()).pathname];
    if (found === undefined) return route.fulfill({ status: 404 });
    return route.fulfill({ contentType: `${found[0]}; charset=utf-8`, body: found[1] });
  });
  const background = place === 'editor' ? '--vscode-editor-background' : '--vscode-sideBar-background';
  await page.addInitScript(fakeVsCode, { ...THEMES[theme], defaults: DEFAULT_STYLES, memory, background });
  await page.goto(`${ORIGIN}/`);
  return new ChatPage(page, context, errors);
}

class ChatPage {
  constructor(page, context, errors) {
    this.page = page;
    this.errors = errors;
    this.context = context;
    this.log = page.getByRole('log', { name: 'Messages' });
    this.input = page.getByRole('textbox', { name: 'Message' });
  }

  close() {
    return this.context.close();
  }

  /** Host to page; resolves when the page has handled them and a frame has been drawn. */
  send(...messages) {
    return this.page.evaluate(async (list) => {
      for (const message of list) window.postMessage(message, '*');
      await new Promise((resolve) => setTimeout(resolve));
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    }, messages);
  }

  /** Two frames: scroll events and resize observers have run. */
  settle() {
    return this.send();
  }

  /** Page to host, all of one type or of every type. */
  posted(type) {
    return this.page.evaluate(
      (wanted) =>
        globalThis.harness.posted.filter((message) => wanted === undefined || message.type === wanted),
      type,
    );
  }

  forgetPosted() {
    return this.page.evaluate(() => void globalThis.harness.posted.splice(0));
  }

  memory() {
    return this.page.evaluate(() => globalThis.harness.memory());
  }

  violations() {
    return this.page.evaluate(() => globalThis.harness.violations);
  }

  html() {
    return this.page.evaluate(() => globalThis.harness.pageHtml());
  }

  topOf(text) {
    return this.edge(this.log.getByText(text, { exact: true }), 'top');
  }

  edge(locator, side) {
    return locator.evaluate((element, name) => element.getBoundingClientRect()[name], side);
  }

  isFocused(locator) {
    return locator.evaluate((element) => element === document.activeElement);
  }

  scrollTo(top) {
    return this.log
      .evaluate((log, value) => {
        log.scrollTop = value === 'end' ? log.scrollHeight : value;
      }, top)
      .then(() => this.settle());
  }

  async shrinkBeforeScrollEvent() {
    await this.log.evaluate((log) => {
      document.querySelector('textarea').style.height = '200px';
      log.dispatchEvent(new Event('scroll'));
    });
    await this.settle();
  }

  scroll() {
    return this.log.evaluate(({ scrollTop, scrollHeight, clientHeight }) => ({
      top: scrollTop,
      toEnd: scrollHeight - clientHeight - scrollTop,
    }));
  }

  /** What a person would have to scroll sideways to see. */
  overflowing() {
    return this.page.evaluate(() => {
      const wide = [...document.querySelectorAll('body, body *')].filter((element) => {
        const { left, right, width } = element.getBoundingClientRect();
        return width > 1 && (right > innerWidth + 0.5 || left < -0.5) && !element.closest('.sr');
      });
      return wide.map((element) => `${element.localName}.${element.className}`);
    });
  }

  /** Sends a keydown as input methods do. */
  press(init) {
    return this.input.evaluate(
      (input, options) =>
        input.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ...options })),
      init,
    );
  }

  measure(...messages) {
    return this.page.evaluate(async (list) => {
      const start = performance.now();
      for (const message of list) window.dispatchEvent(new MessageEvent('message', { data: message }));
      document.body.getBoundingClientRect();
      return performance.now() - start;
    }, messages);
  }

  articleCount() {
    return this.log.getByRole('article').count();
  }

  /** Headless Chromium gives every page the focus: the page is told otherwise. */
  setFocused(isFocused) {
    return this.page.evaluate((value) => {
      document.hasFocus = () => value;
      window.dispatchEvent(new Event(value ? 'focus' : 'blur'));
    }, isFocused);
  }

  async axe() {
    await this.page.evaluate(axe);
    const { violations } = await this.page.evaluate(() => globalThis.axe.run());
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('\n')}`);
  }
}
