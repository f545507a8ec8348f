/** Why something from outside was refused. Codes go to the log and tests; sentences to people. */
export type ProtocolErrorCode =
  | 'malformed' // not the bytes of such an object: size, encoding, version
  | 'wrong-type' // a known object in the wrong place
  | 'not-for-me'
  | 'bad-card'
  | 'bad-signature'
  | 'expired'
  | 'from-the-future'
  | 'replayed'
  | 'too-many' // as much as is kept of its kind at once
  | 'prekey-gone'
  | 'undecryptable'
  | 'bad-welcome'
  | 'bad-commit'
  | 'wrong-group' // group, epoch or place is not the channel's
  | 'behind-the-cut' // a message of an ended epoch that its last commit left out
  | 'equivocation' // two messages of one sender under one SQN
  | 'unknown-own'; // my signature on something I don't know

/** An object from outside was refused. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  constructor(
    readonly code: ProtocolErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** What people do is refused: the message says what to do instead. */
export class UserError extends Error {
  override readonly name = 'UserError';
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}
