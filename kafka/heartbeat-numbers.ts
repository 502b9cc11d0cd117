// Heartbeats of the consumer protocol have no number on the wire, and the engine wants one that grows. It is the time when
// the request begins, or one more than the last number of the member.
//
// Invariant: within a process the numbers of a member grow in the order in which its requests came. A client without an answer
// sends a heartbeat again on another connection, while the first may wait behind a slow request: if the first then had the
// greater number, it would speak for the member with what that knew before.
import { newCache } from '../lib/runtime/cache.ts';
import type { Clock } from '../lib/runtime/clock.ts';

export type HeartbeatNumbers = {
  /** `above` is the last number that is known to be stored. Undefined if a heartbeat that came later has a number. */
  next(heartbeat: Heartbeat, above?: number): number | undefined;
};

type Heartbeat = {
  readonly groupId: string;
  readonly memberId: string;
  /** When the request came, by `performance.now()`. */
  readonly receivedMs: number;
};

const membersKept = 10_000;

export function createHeartbeatNumbers(clock: Pick<Clock, 'now'>): HeartbeatNumbers {
  const last = newCache<{ readonly number: number; readonly receivedMs: number }>(membersKept);
  return {
    next({ groupId, memberId, receivedMs }, above = 0) {
      const name = JSON.stringify([groupId, memberId]);
      const before = last.get(name);
      if (before && before.receivedMs > receivedMs) return undefined;
      const number = Math.max(clock.now(), above + 1, (before?.number ?? 0) + 1);
      last.set(name, { number, receivedMs });
      return number;
    },
  };
}
