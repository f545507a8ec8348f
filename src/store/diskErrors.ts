import { UserError } from '../protocol/errors.js';
import { hasCode } from './files.js';

/** Runs `work`; errors of the disk that a person can mend become UserError 'disk-full' or 'read-only'. */
export async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (hasCode(error, 'ENOSPC', 'EDQUOT'))
      throw new UserError(
        'disk-full',
        'The disk is full, so nothing was stored. Free some space and try again.',
      );
    if (hasCode(error, 'EROFS', 'EACCES', 'EPERM'))
      throw new UserError(
        'read-only',
        `Secure Chat may not write its files (${(error as NodeJS.ErrnoException).path ?? 'its storage folder'}). Give yourself write permission there and try again.`,
      );
    throw error;
  }
}
