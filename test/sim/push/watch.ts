// Looks at every write of the group's offsets. A committed offset never goes back within an epoch, and passes no record that
// nobody has answered for. A lease ends before another takes the partition, and nobody commits beside a subscription.
import type { PushInvocation } from '../../../lib/api/push.ts';
import { parseGroupHead } from '../../../lib/group/items/head.ts';
import { isRun, isRunOf, type Ownership, ownershipsOf } from '../../../lib/group/items/ownership.ts';
import { groupHeadKey, groupOffsetsPartition } from '../../../lib/storage/keys.ts';
import type { Table } from '../../../lib/storage/table.ts';
import type { Scheduler } from '../core/scheduler.ts';
import { afterWrites } from '../core/through.ts';
import { groupId, type History } from './history.ts';

export type Rules = {
  /** A lease may be misjudged by this much, because clocks are wrong. */
  readonly skewMs: number;
  /** False where records may be given up in a way that the history does not see at once. */
  readonly seesAnswers: boolean;
};

type Watch = {
  readonly scheduler: Scheduler;
  readonly history: History;
  readonly rules: Rules;
  readonly invocations: ReadonlyMap<string, PushInvocation>;
};

export function watchOffsets(table: Table, watch: Watch): Table {
  const before = new Map<string, Ownership>();
  const look = async (sk: string) => {
    const item = await table.get({ pk: groupOffsetsPartition(groupId), sk });
    const head = await table.get(groupHeadKey(groupId));
    const isDelivering = head?.su !== undefined && parseGroupHead(head).subscription?.state !== 'Creating';
    for (const { partition, ownership } of item ? ownershipsOf(item) : []) {
      const name = `${sk}-${partition}`;
      const found = before.get(name);
      before.set(name, ownership);
      noteTerm(watch, partition, ownership);
      if (found) compare(watch, partition, found, ownership, isDelivering);
    }
  };
  return afterWrites(table, async ({ pk, sk }) => {
    if (pk === groupOffsetsPartition(groupId)) await look(sk);
  });
}

function noteTerm({ scheduler, history, rules }: Watch, partition: number, now: Ownership): void {
  const { owner, leaseUntilMs = 0 } = now;
  const last = history.terms.get(partition);
  const isSame = last !== undefined && last.owner === owner;
  const hasLapsed = isSame && (last.hasLapsed || last.leaseUntilMs <= scheduler.now() + 2 * rules.skewMs);
  history.terms.set(partition, { owner, leaseUntilMs, hasLapsed });
}

function compare(watch: Watch, partition: number, found: Ownership, now: Ownership, isDelivering: boolean): void {
  const { scheduler, history, rules } = watch;
  const complain = (what: string) => history.complaints.push(`${what} in partition ${partition} at ${scheduler.now()}`);
  const isSameEpoch = found.term === now.term;
  if (!isSameEpoch) return;
  const [from, to] = [found.offset ?? 0, now.offset ?? 0];
  const isByRun = isRun(now.owner);
  const isNumbered = now.commitSeq !== undefined && now.commitSeq !== found.commitSeq;
  const isWriteOfRun = isByRun && (isNumbered || now.owner !== found.owner);
  if (isWriteOfRun && to < from) complain(`the committed offset went back from ${from} to ${to}`);
  if (isDelivering && from !== to && !isWriteOfRun) complain(`a commit of ${to} beside the subscription`);
  if (isWriteOfRun && rules.seesAnswers)
    for (let offset = from; offset < to; offset++)
      if (!isAnsweredByAny(history, partition, offset)) complain(`record ${offset} was skipped by a commit of ${to}`);
  if (isDelivering && now.owner !== undefined && !isByRun) complain(`${now.owner} owns it beside the subscription`);
  if (isTakenTooEarly(watch, found, now)) complain(`${now.owner} took the lease of ${found.owner}`);
}

const isAnsweredByAny = ({ handled, lettered }: History, partition: number, offset: number): boolean =>
  [...handled, ...lettered].some((place) => place.endsWith(` ${partition} ${offset}`));

function isTakenTooEarly({ scheduler, rules, invocations }: Watch, found: Ownership, now: Ownership): boolean {
  const { owner: before, leaseUntilMs = 0 } = found;
  if (!isRun(before) || !isRun(now.owner) || before === now.owner) return false;
  const isLive = leaseUntilMs > scheduler.now() + 2 * rules.skewMs;
  const taker = [...invocations.values()].find(({ id }) => isRunOf(now.owner, id));
  const isSuccessor = taker !== undefined && (isRunOf(before, taker.id) || taker.follows === before);
  return isLive && !isSuccessor;
}
