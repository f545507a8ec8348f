/** Bounds that host, client and webview share. Sizes in bytes unless the name says otherwise. */

/** Text of one message, UTF-8. */
export const MAX_TEXT_BYTES = 32 * 1024;
/** UTF-16 code units of a draft, which may be too long to send. */
export const MAX_DRAFT_LENGTH = 8 * MAX_TEXT_BYTES;
/** Characters (code points) of a participant's or group's name. */
export const MAX_NAME_LENGTH = 64;
/** Participants created in one go. */
export const MAX_PARTICIPANTS = 50;
/** Members of a group. */
export const MAX_MEMBERS = 1000;
/** Of an invitation, ms: as far as it can be set. */
export const MAX_INVITE_LIFETIME = 14 * 24 * 60 * 60 * 1000;
/** Messages handed to the webview in one page of history. */
export const PAGE_SIZE = 50;
