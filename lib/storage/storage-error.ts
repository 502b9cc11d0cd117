// What a port throws. Expected outcomes (a failed condition, a missing item) are values, never errors.

export type StorageReason =
  /** Asked to slow down; nothing was done. */
  | 'throttled'
  /** A transaction held one of the items, or a conditional put raced; nothing was done. */
  | 'conflict'
  /** No answer in time, or the connection broke: it may have been done, or may be done yet. */
  | 'no-answer'
  /** The service answered that it failed (5xx): it may have been done. */
  | 'unavailable'
  /** putOnce: the key holds other bytes; with `mayHaveActed` it holds some that this process may not read. */
  | 'exists'
  /** An item above 400 KB (409,600 bytes). */
  | 'too-large'
  /** A request that can never succeed: a bad key, a bad path, a bad number. A bug in the caller. */
  | 'invalid'
  /** What is stored failed its checksum, or the structure around it is damaged. */
  | 'corrupt'
  /** Not allowed, no such bucket or table, bad credentials, disk full: somebody must mend the deployment. */
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

  /** Worth sending again unchanged. */
  get retriable(): boolean {
    return ['throttled', 'conflict', 'no-answer', 'unavailable'].includes(this.reason);
  }
}
