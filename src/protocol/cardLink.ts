/** Characters of the longest text that is looked at, with the spaces and line breaks that a mail may put in. */
export const MAX_CARD_TEXT = 16 * 1024;

/** A link to a card's text: `base` is scheme, authority and path. */
export const cardLink = (base: string, text: string): string => `${base}?${text}`;
