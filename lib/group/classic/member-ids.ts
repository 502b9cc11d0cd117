// Ids of members that have none yet. An id holds the time at which it was made, so that nothing needs to be stored before
// the member joins by it.
import type { Clock } from '../../runtime/clock.ts';

const timeBytes = 6;
const randomBytes = 10;
const freshMs = 5 * 60_000;

export function newMemberId(clock: Clock): string {
  const id = Buffer.alloc(timeBytes + randomBytes);
  id.writeUIntBE(clock.now(), 0, timeBytes);
  id.set(clock.randomBytes(randomBytes), timeBytes);
  return id.toString('base64url');
}

/** A clock that is wrong by more sends its clients for another id. */
export function isFresh(memberId: string, nowMs: number): boolean {
  const id = Buffer.from(memberId, 'base64url');
  if (id.length !== timeBytes + randomBytes || id.toString('base64url') !== memberId) return false;
  return Math.abs(nowMs - id.readUIntBE(0, timeBytes)) < freshMs;
}
