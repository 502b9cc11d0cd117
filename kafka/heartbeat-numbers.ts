// Heartbeats of the consumer protocol have no number on the wire, and the engine wants one that grows. It is the time when
// the request came, or one more than the last number of the member.
import { newCache } from '../lib/runtime/cache.ts';
import type { Clock } from '../lib/runtime/clock.ts';

export type HeartbeatNumbers = {
  /** `above` is the last number that is known to be stored. */
  next(groupId: string, memberId: string, above?: number): number;
};

const membersKept = 10_000;

export function createHeartbeatNumbers(clock: Pick<Clock, 'now'>): HeartbeatNumbers {
  const numbers = newCache<number>(membersKept);
  return {
    next(groupId, memberId, above = 0) {
      const name = JSON.stringify([groupId, memberId]);
      const number = Math.max(clock.now(), above + 1, (numbers.get(name) ?? 0) + 1);
      numbers.set(name, number);
      return number;
    },
  };
}
