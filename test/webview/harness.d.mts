import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import type { FromWebview, ToWebview } from '../../src/shared/view.js';

export type ThemeName = 'dark' | 'light' | 'hc-dark' | 'hc-light';

/** Values of VS Code 1.100's own themes, for the variables that the page and the toolkit use. */
export const THEMES: Readonly<
  Record<ThemeName, { readonly kind: string; readonly variables: Readonly<Record<string, string>> }>
>;

export interface ChatOptions {
  readonly theme?: ThemeName;
  readonly place?: 'sidebar' | 'editor';
  /** Screen pixels; `zoom` makes fewer CSS pixels of them. */
  readonly width?: number;
  readonly height?: number;
  readonly zoom?: number;
  /** What `getState` has from an earlier page. */
  readonly memory?: unknown;
  readonly reducedMotion?: BrowserContextOptions['reducedMotion'];
}

export function launchBrowser(): Promise<Browser>;

/** A chat page by itself, with a fake host, under the policy of src/host/page.ts. It shows dist/webview.*. */
export function openChat(browser: Browser, options?: ChatOptions): Promise<ChatPage>;

type Posted<T> = Extract<FromWebview, { type: T }>;

export interface ChatPage {
  readonly page: Page;
  readonly log: Locator;
  readonly input: Locator;
  /** Exceptions and console errors. */
  readonly errors: readonly string[];
  close(): Promise<void>;
  /** Host to page; resolves when the page has handled them and a frame has been drawn. */
  send(...messages: readonly ToWebview[]): Promise<void>;
  /** Two frames: scroll events and resize observers have run. */
  settle(): Promise<void>;
  /** Page to host. */
  posted(): Promise<FromWebview[]>;
  posted<T extends FromWebview['type']>(type: T): Promise<Posted<T>[]>;
  forgetPosted(): Promise<void>;
  /** What `setState` was last given. */
  memory(): Promise<unknown>;
  /** Of the content security policy. */
  violations(): Promise<string[]>;
  html(): Promise<string>;
  /** Upper edge of this text of a message, from the top of the window, in CSS pixels. */
  topOf(text: string): Promise<number>;
  /** Of an element, from the top of the window, in CSS pixels. */
  edge(locator: Locator, side: 'top' | 'bottom'): Promise<number>;
  isFocused(locator: Locator): Promise<boolean>;
  scrollTo(top: number | 'end'): Promise<void>;
  /** The list loses height, and a scroll event from before comes in before anything has reacted to it. */
  shrinkBeforeScrollEvent(): Promise<void>;
  scroll(): Promise<{ top: number; toEnd: number }>;
  /** Elements that stick out of the window sideways. */
  overflowing(): Promise<string[]>;
  /** A keydown in the composer as input methods send them; false if the page kept it from its default. */
  press(init: { key: string; keyCode?: number; isComposing?: boolean }): Promise<boolean>;
  /** Milliseconds that handling the messages took, layout included. */
  measure(...messages: readonly ToWebview[]): Promise<number>;
  /** Articles in the document. */
  articleCount(): Promise<number>;
  setFocused(isFocused: boolean): Promise<void>;
  /** What a rule of axe-core says against the page. */
  axe(): Promise<string[]>;
}
