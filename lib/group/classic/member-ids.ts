// Ids of members that have none yet. An id holds the time at which it was made, so that nothing needs to be stored before
// the member joins by it. It begins with the name of the client, as in Apache Kafka: assignors sort members by their ids, and
// people tell members apart by them.
import { limits } from '../../api/limits.ts';
import type { Clock } from '../../runtime/clock.ts';

const timeBytes = 6;
const randomBytes = 10;
const freshMs = 5 * 60_000;

/** 16 bytes as base64url. */
const ownLength = 22;
const mostOfName = limits.memberIdLength - ownLength - '-'.length;

export function newMemberId(clock: Clock, clientId: string): string {
  const id = Buffer.alloc(timeBytes + randomBytes);
  id.writeUIntBE(clock.now(), 0, timeBytes);
  id.set(clock.randomBytes(randomBytes), timeBytes);
  const name = clientId.slice(0, mostOfName).replaceAll(/[^A-Za-z0-9._-]/g, '_');
  return (name && `${name}-`) + id.toString('base64url');
}

/** A clock that is wrong by more sends its clients for another id. */
export function isFresh(memberId: string, nowMs: number): boolean {
  const own = memberId.slice(-ownLength);
  const id = Buffer.from(own, 'base64url');
  if (id.length !== timeBytes + randomBytes || id.toString('base64url') !== own) return false;
  return Math.abs(nowMs - id.readUIntBE(0, timeBytes)) < freshMs;
}
