// Heartbeats of the consumer protocol have no number on the wire, and the engine wants one that grows. It is the time when
// the request came, or one more than the last number of the member.
//
// Invariant: a heartbeat that came earlier does not outrank one that came later: in this process always, and between processes
// as far as their clocks agree. A client without an answer sends a heartbeat again on another connection, to this process or
// another, while the first may wait behind a slow request. If the first then had the greater number, it would speak for the member
// with what that knew before, and a leave would close a member that has joined again.
import { newCache } from '../lib/runtime/cache.ts';
import type { Clock } from '../lib/runtime/clock.ts';

export type HeartbeatNumbers = {
  /** `above` is the last number that is known to be stored. Undefined if a heartbeat that came later has a number. */
  next(heartbeat: Heartbeat, above?: number): number | undefined;
};

type Heartbeat = {
  readonly groupId: string;
  readonly memberId: string;
  /** When the request came, by the clock's `monotonic`. */
  readonly receivedMs: number;
};

const membersKept = 10_000;

export function createHeartbeatNumbers(clock: Pick<Clock, 'now' | 'monotonic'>): HeartbeatNumbers {
  const last = newCache<{ readonly number: number; readonly receivedMs: number }>(membersKept);
  return {
    next({ groupId, memberId, receivedMs }, above = 0) {
      const name = JSON.stringify([groupId, memberId]);
      const before = last.get(name);
      const nowMs = clock.now();
      // A stored number of the past is greater only because its heartbeat came later. One of the future has a clock that is ahead.
      const isOvertaken = above > 0 && above <= nowMs;
      if (isOvertaken || (before && before.receivedMs > receivedMs)) return undefined;
      const cameMs = Math.floor(nowMs - (clock.monotonic() - receivedMs));
      const number = Math.max(cameMs, above + 1, (before?.number ?? 0) + 1);
      last.set(name, { number, receivedMs });
      return number;
    },
  };
}
