// When a delivery ends at the latest.
//
// Trap: a timer takes whole milliseconds within its own bounds, and a caller's time is any number.

export type Deadline = {
  /** Aborts when the time is over. */
  readonly timeout: AbortSignal;
  /** Aborts then, or when the caller ends the delivery. */
  readonly ended: AbortSignal;
};

/** `mostMs` holds whatever the caller allows. */
export function deadlineOf(deadlineMs: number, mostMs: number, signal: AbortSignal | undefined): Deadline {
  const timeout = AbortSignal.timeout(Math.ceil(Math.min(Math.max(deadlineMs, 1), mostMs)));
  return { timeout, ended: signal ? AbortSignal.any([timeout, signal]) : timeout };
}
