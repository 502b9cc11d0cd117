// The error that the ports throw. Expected outcomes (a failed condition, a missing item) are values, never errors.

export type StorageReason =
  /** The service asked us to slow down. Nothing was done. */
  | 'throttled'
  /** A transaction held one of the items, or a conditional put raced with another. Nothing was done. */
  | 'conflict'
  /** There was no answer in time, or the connection broke. The request may have been done, or may still be done. */
  | 'no-answer'
  /** The service answered that it failed (5xx). The request may have been done. */
  | 'unavailable'
  /** putOnce: the key holds other bytes. With `mayHaveActed` it holds bytes that this process may not read. */
  | 'exists'
  /** The item is larger than 400 KB (409,600 bytes). */
  | 'too-large'
  /** The request can never succeed: a bad key, a bad path, a bad number. This is a bug in the caller. */
  | 'invalid'
  /** A stored item failed its checksum, or the structure around it is damaged. */
  | 'corrupt'
  /** Not allowed, no such bucket or table, bad credentials, disk full: an operator must mend the deployment. */
  | 'denied';

export class StorageError extends Error {
  readonly reason: StorageReason;
  /** True when the request may have taken effect, or may take effect later. */
  readonly mayHaveActed: boolean;

  constructor(reason: StorageReason, message: string, options?: { cause?: unknown; mayHaveActed?: boolean }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'StorageError';
    this.reason = reason;
    this.mayHaveActed = options?.mayHaveActed ?? (reason === 'no-answer' || reason === 'unavailable');
  }

  /** True if the same request, sent again, may succeed. */
  get retriable(): boolean {
    return ['throttled', 'conflict', 'no-answer', 'unavailable'].includes(this.reason);
  }
}

/**
 * A process that may write but not read cannot compare the stored bytes. Only one put ever uses a name (64 random bits), so
 * an object that is there after an unanswered try of ours, or after our own second copy, is ours.
 */
export const isTakenUnread = (error: unknown): boolean =>
  error instanceof StorageError && error.reason === 'exists' && error.mayHaveActed;
