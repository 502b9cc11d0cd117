// Steps 1 and 2 of a run: it looks at the partition, and begins a term if no other run is at work there. A run that is at
// work looks again before it ends, so one that finds it may end.
import type { PushInvocation } from '../../api/push.ts';
import { randomName } from '../../group/context.ts';
import { endOfFirstBatch, type Note } from '../../group/items/failure-note.ts';
import {
  asRunFound,
  beginRun,
  hasLiveLease,
  isRun,
  isRunOf,
  isWaiting,
  type Ownership,
  ownershipOf,
  runOwner,
  updateOf,
} from '../../group/items/ownership.ts';
import { groupHeadKey, groupOffsetsKey, subscriptionKey } from '../../storage/keys.ts';
import { equals, type Table } from '../../storage/table.ts';
import type { PushContext } from '../context.ts';
import { hasRoomFor } from '../items/room.ts';
import { parseSubscription, type Subscription } from '../items/subscription.ts';
import { createHold, type Hold, leaseMs } from './hold.ts';

export type Taken = {
  readonly hold: Hold;
  readonly subscription: Subscription;
  /** The batching window of the batch was over when it was taken. */
  readonly hasWaited: boolean;
};

/**
 * Undefined if the partition is not to be taken, if there is no room for it, or if another run was faster. Where there is no room,
 * a lease that is left of another run is taken all the same, so that this run can release it: nobody looks at a partition with a
 * lease, and clocks differ in how long it lasts.
 */
export async function take(context: PushContext, invocation: PushInvocation): Promise<Taken | undefined> {
  const { table, clock } = context;
  const { groupId, topicId, partition } = invocation;
  const item = await table.get(groupOffsetsKey(groupId, topicId, partition), { strong: true });
  const found = ownershipOf(item, partition);
  if (!mayTake(found, invocation, clock.now())) return undefined;
  const subscription = await readSettings(table, groupId);
  if (subscription?.topicId !== topicId) return undefined;
  const hasLease = (found.leaseUntilMs ?? 0) !== 0;
  if (!hasLease && !(await hasRoomFor(context, subscription, partition))) return undefined;
  const note = noteAtStart(found, invocation, clock.now());
  const owner = runOwner(invocation.id, randomName(clock).slice(0, 8));
  const begun = await begin(context, invocation, owner, found, note, subscription);
  if (begun === 'later') return take(context, invocation);
  if (begun === 'refused') return undefined;
  const { note: _, ...rest } = found;
  const hold = createHold(context, invocation, owner, { ...rest, ...(note && { note }) });
  const { windowUntilMs = Number.POSITIVE_INFINITY } = found;
  return { hold, subscription, hasWaited: windowUntilMs <= clock.now() };
}

/**
 * A repeat of the invocation takes over from its own predecessor, whose lease may still be live: otherwise it would be used up. So
 * does a scheduled retry, whose clock may be behind the one that set the lease.
 */
function mayTake(found: Ownership, invocation: PushInvocation, nowMs: number): boolean {
  const { owner } = found;
  const isFree = owner === undefined;
  const isOver = isRun(owner) && !hasLiveLease(found, nowMs);
  return isFree || isOver || isHeir(owner, invocation);
}

function isHeir(owner: string | undefined, { id, follows }: PushInvocation): boolean {
  const isOwn = isRunOf(owner, id);
  const isFollowed = isRun(owner) && owner === follows;
  return isOwn || isFollowed;
}

/**
 * If the predecessor of this very invocation neither released the partition nor waits, and its lease is over, it died. That counts as
 * an attempt: otherwise a record that kills each run would stop the partition. Its knowledge of the batch died with it. While the lease
 * is live this is a second copy of the invocation, because Lambda repeats one that failed after a minute.
 */
function noteAtStart(found: Ownership, { id }: PushInvocation, nowMs: number): Note | undefined {
  const { owner, leaseUntilMs, note } = found;
  const isLeft = leaseUntilMs !== 0 && !hasLiveLease(found, nowMs) && !isWaiting(found);
  const hasDied = isRunOf(owner, id) && isLeft;
  if (!hasDied) return note;
  return {
    ...{ endOffset: endOfFirstBatch, firstFailureMs: nowMs },
    ...note,
    ...{ attempts: (note?.attempts ?? 0) + 1, nextTryMs: nowMs, ...(wasNeverRead(note) && { isFatal: true }) },
    error: 'the delivery ended without an answer: the process that ran it died, or ran out of time',
  };
}

/** After any answer of the target it is known that the records can be read. */
const wasNeverRead = (note: Note | undefined): boolean => note === undefined || note.isFatal === true;

/**
 * A partition without an offset was added after the creation. Nothing in it says that the subscription exists, so the group's head
 * is asked in the same transaction.
 *
 * `later`: the term that is to be taken over has gone on since it was read. A schedule that comes at once, because the clock of its
 * maker is behind, meets the very write that it follows: it would be used up.
 */
async function begin(
  context: PushContext,
  invocation: PushInvocation,
  owner: string,
  found: Ownership,
  note: Note | undefined,
  { id }: Subscription,
): Promise<'begun' | 'later' | 'refused'> {
  const { table, clock } = context;
  const { groupId, topic, topicId, partition } = invocation;
  const nowMs = clock.now();
  const change = beginRun(partition, owner, { leaseUntilMs: nowMs + leaseMs, note, nowMs }, found);
  const isAsFound = asRunFound(partition, found);
  const write = updateOf(groupId, { topic, topicId, partitions: [partition] }, [isAsFound], [change]);
  if (found.offset === undefined) {
    const check = { kind: 'check', key: groupHeadKey(groupId), if: equals('su', id) } as const;
    return (await table.transact([write, check], randomName(clock))).applied ? 'begun' : 'refused';
  }
  const result = await table.write(write);
  if (result.applied) return 'begun';
  const now = ownershipOf(result.old, partition).owner;
  if (now === owner) return 'begun';
  const hasGoneOn = now === found.owner && isHeir(now, invocation);
  return hasGoneOn ? 'later' : 'refused';
}

export async function readSettings(table: Table, groupId: string): Promise<Subscription | undefined> {
  const item = await table.get(subscriptionKey(groupId), { strong: true });
  return item && parseSubscription(groupId, item);
}
