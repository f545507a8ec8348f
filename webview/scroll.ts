/** A piece of text and how far its lower edge is below the upper edge of the box. */
export interface Anchor {
  readonly article: Element;
  readonly below: number;
}

/** Zoomed pages scroll by fractions of a pixel, and the last one may be out of reach. */
const TOLERANCE = 8;

/** The lower edge of the text: what stands above it in an article comes and goes with its neighbours. */
const edgeOf = (article: Element): number =>
  (article.querySelector('.text') ?? article).getBoundingClientRect().bottom;

/**
 * Keeps what a person reads where it is while content changes around it. The browser's own anchoring is off:
 * it gives up at the very top, which is where older pages come in.
 */
export class ScrollKeeper {
  /** At the newest message, and to stay there. */
  stuck = true;
  private anchor: Anchor | undefined;
  private top = 0;

  constructor(
    private readonly box: HTMLElement,
    private readonly rows: HTMLElement,
  ) {}

  get distanceToEnd(): number {
    return this.box.scrollHeight - this.box.clientHeight - this.box.scrollTop;
  }

  /**
   * After a scroll event. `complete`: the newest message is in the document. Such an event may be late: when
   * only the sizes have changed since, the person has not moved and `settle` is about to follow.
   */
  moved(complete: boolean): void {
    const isAtEnd = complete && this.distanceToEnd <= TOLERANCE;
    if (this.box.scrollTop === this.top) {
      this.stuck ||= isAtEnd;
      return;
    }
    this.stuck = isAtEnd;
    this.note();
  }

  keep(change: () => void): void {
    const anchor = this.stuck ? undefined : this.capture();
    change();
    this.anchor = anchor;
    this.settle();
  }

  /** After a change of size that nobody announced. */
  settle(): void {
    if (this.stuck) this.box.scrollTop = this.box.scrollHeight;
    else if (this.anchor?.article.isConnected === true) this.restore(this.anchor);
    this.note();
  }

  private note(): void {
    this.anchor = this.capture();
    this.top = this.box.scrollTop;
  }

  restore({ article, below }: Anchor): void {
    const now = edgeOf(article) - this.box.getBoundingClientRect().top;
    if (Math.abs(now - below) > 0.01) this.box.scrollTop += now - below;
  }

  /** The first article whose text ends in the box. */
  capture(): Anchor | undefined {
    const { top } = this.box.getBoundingClientRect();
    const article = this.firstArticle((element) => edgeOf(element) > top);
    return article && { article, below: edgeOf(article) - top };
  }

  /** The last article whose text has been in the box to its end. */
  lastShown(): Element | undefined {
    const { bottom } = this.box.getBoundingClientRect();
    const beyond = this.firstArticle((element) => edgeOf(element) > bottom + 1);
    const articles = this.articles();
    return beyond === undefined ? articles.at(-1) : articles[articles.indexOf(beyond) - 1];
  }

  private articles(): Element[] {
    return [...this.rows.children].filter((element) => element.localName === 'article');
  }

  private firstArticle(matches: (article: Element) => boolean): Element | undefined {
    const articles = this.articles();
    let low = 0;
    let high = articles.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (matches(articles[middle]!)) high = middle;
      else low = middle + 1;
    }
    return articles[low];
  }
}
