// What a heartbeat means: pure decisions over what was read. heartbeat.ts reads, asks here, and does what it is told.
//
// Invariants that the order of the steps keeps (docs/PROTOCOL.md has the failure that each prevents):
// - an item is written only by the condition that it is as read, and only by a heartbeat newer than the last written one;
// - what a member is told it owns, its item lists; what its item lists, an offsets item says it owns;
// - a partition is let go of only after the member has reported that it no longer has it.
import { type ErrorCode, RivuletError } from '../../api/errors.ts';
import { type HeartbeatReply, leaveEpoch } from '../../api/groups.ts';
import type { GroupHead } from '../items/head.ts';
import { closed, isExpired, isLiving, type Member, next, renewedAt, type Subscription } from '../items/member.ts';
import {
  countOf,
  covers,
  equal,
  intersection,
  isEmpty,
  minus,
  none,
  type Partitions,
  recognised,
  union,
} from '../partition-set.ts';
import { type Beat, isJoining, isLeaving } from './heartbeat-request.ts';

/** Between heartbeats while partitions are on their way. */
const unsettledIntervalMs = 500;

const refused = (errorCode: ErrorCode, detail: string): { kind: 'refused'; error: RivuletError } => ({
  kind: 'refused',
  error: new RivuletError(errorCode, detail, { outcome: 'not-written' }),
});

// --- the fast path: nothing has changed

export type Glance = {
  /** These may be old: they were read eventually. */
  readonly head: GroupHead | undefined;
  readonly member: Member | undefined;
  readonly nowMs: number;
};

export type GlanceOutcome =
  | { readonly kind: 'reply' }
  /** Only its lease is old. */
  | { readonly kind: 'renew'; readonly member: Member }
  | { readonly kind: 'slow' };

export function glance({ head, member, nowMs }: Glance, beat: Beat): GlanceOutcome {
  if (!head || member?.state !== 'open' || !isSettled(head, member, beat)) return { kind: 'slow' };
  const owned = beat.owned && recognised(beat.owned, member.owned);
  if (!owned || !equal(owned, member.owned)) return { kind: 'slow' };
  return isRenewalDue(member, beat, nowMs)
    ? { kind: 'renew', member: touched(member, beat, nowMs) }
    : { kind: 'reply' };
}

function isSettled(head: GroupHead, member: Member, beat: Beat): boolean {
  const epochs = [member.epoch, head.assignmentEpoch, head.groupEpoch];
  return (
    !head.isDeleted &&
    beat.memberEpoch > 0 &&
    epochs.every((epoch) => epoch === beat.memberEpoch) &&
    beat.seq > member.seq &&
    isEmpty(member.revoking) &&
    !member.isWaiting &&
    !member.isBumpDue &&
    beat.instanceId === member.instanceId &&
    isSame(member.subscription, subscriptionOf(member.subscription, beat))
  );
}

/** A third of the session, so that a lost renewal does not end it. */
const isRenewalDue = (member: Member, beat: Beat, nowMs: number): boolean =>
  Math.abs(nowMs - member.renewedMs) >= member.sessionMs / 3 || member.sessionMs !== beat.sessionMs;

/** Every write by a member's heartbeat renews it, and takes over what the request says of it. */
function touched(member: Member, beat: Beat, nowMs: number, changes: Partial<Member> = {}): Member {
  return next(member, {
    seq: beat.seq,
    shownEpoch: beat.memberEpoch,
    renewedMs: renewedAt(member, nowMs),
    sessionMs: beat.sessionMs,
    rebalanceMs: beat.rebalanceMs,
    rackId: beat.rackId,
    clientId: beat.clientId,
    host: beat.host,
    ...changes,
  });
}

function subscriptionOf(before: Subscription, beat: Beat): Subscription {
  return {
    topics: beat.topics ?? before.topics,
    regex: beat.regex ?? before.regex,
    assignor: beat.assignor ?? before.assignor,
  };
}

const isSame = (a: Subscription, b: Subscription): boolean =>
  a.regex === b.regex && a.assignor === b.assignor && a.topics.join('\n') === b.topics.join('\n');

// --- admission: may the request act, and what does it change before anything is assigned?

export type Situation = {
  readonly member: Member | undefined;
  /** The member that the instance id belongs to, where the request has one. */
  readonly instance: { readonly memberId: string; readonly holder: Member | undefined } | undefined;
  readonly nowMs: number;
};

export type Admission =
  | { readonly kind: 'refused'; readonly error: RivuletError }
  /** The request has done its work before; what it did is what the item says. */
  | { readonly kind: 'repeat' }
  | { readonly kind: 'left' }
  /** The instance id is a dead member's. */
  | { readonly kind: 'expire'; readonly member: Member }
  | { readonly kind: 'write'; readonly member: Member; readonly before: Member | undefined }
  /** Takes over an instance id; what its last holder has is over. */
  | { readonly kind: 'take-over'; readonly member: Member; readonly before: Member | undefined }
  | { readonly kind: 'go-on'; readonly owned: Partitions | undefined };

export function admit(situation: Situation, beat: Beat): Admission {
  const { member } = situation;
  if (isLeaving(beat)) return leave(member, beat, situation.nowMs);
  if (member?.state !== 'open') return isJoining(beat) ? join(situation, beat) : unknownMember(situation, beat);
  const isLate = beat.seq < member.seq;
  const isRepeat = beat.seq === member.seq;
  if (isLate) return refused('INVALID_REQUEST', lateDetail(member, beat));
  if (isRepeat) return { kind: 'repeat' };
  if (beat.instanceId !== member.instanceId) return refused('INVALID_REQUEST', instanceDetail(member, beat));
  if (![0, member.epoch, member.shownEpoch].includes(beat.memberEpoch))
    return refused(
      'FENCED_MEMBER_EPOCH',
      `member ${beat.memberId} is at epoch ${member.epoch}, not ${beat.memberEpoch}: give up its partitions and join again`,
    );
  const owned = ownedBy(member, beat);
  if (owned === 'foreign')
    return refused(
      'FENCED_MEMBER_EPOCH',
      `member ${beat.memberId} names partitions that it does not own: give up all and join again`,
    );
  const subscription = subscriptionOf(member.subscription, beat);
  if (isJoining(beat) && ownsSomething(member))
    return {
      kind: 'write',
      member: newMember(member, beat, situation.nowMs, { subscription, isBumpDue: true }),
      before: member,
    };
  if (isSame(subscription, member.subscription)) return { kind: 'go-on', owned };
  const changed = touched(member, beat, situation.nowMs, { subscription, isBumpDue: true });
  return { kind: 'write', member: changed, before: member };
}

/** Then who joins again begins its terms anew, in a later epoch: a commit of before, still on its way, must not land after that. */
const ownsSomething = ({ owned, revoking }: Member): boolean => !isEmpty(owned) || !isEmpty(revoking);

const lateDetail = (member: Member, beat: Beat) =>
  `heartbeatSeq ${beat.seq} is below ${member.seq}, the last of member ${beat.memberId}: this heartbeat came late and does nothing`;
const instanceDetail = (member: Member, beat: Beat) =>
  `member ${beat.memberId} has ${member.instanceId === undefined ? 'no instance id' : `the instance id ${member.instanceId}`}, not ${beat.instanceId}`;

/** Undefined: it did not say. Who joins has nothing. */
export function ownedBy(member: Member, beat: Beat): Partitions | undefined | 'foreign' {
  if (isJoining(beat)) return none;
  return beat.owned && (recognised(beat.owned, union(member.owned, member.revoking)) ?? 'foreign');
}

function leave(member: Member | undefined, beat: Beat, nowMs: number): Admission {
  if (!member) return refused('UNKNOWN_MEMBER_ID', `there is no member ${beat.memberId}`);
  const isLate = beat.seq <= member.seq;
  if (isLate && member.state !== 'open') return { kind: 'left' };
  if (isLate) return refused('INVALID_REQUEST', lateDetail(member, beat));
  if (!isLiving(member))
    return refused('UNKNOWN_MEMBER_ID', `member ${beat.memberId} has left, or its session timed out`);
  if (beat.memberEpoch === leaveEpoch) return { kind: 'write', member: closed(member, beat.seq), before: member };
  if (member.instanceId !== beat.instanceId) return refused('INVALID_REQUEST', instanceDetail(member, beat));
  // Its successor has a whole session to come.
  const away = next(member, { state: 'away', seq: beat.seq, renewedMs: renewedAt(member, nowMs) });
  return { kind: 'write', member: away, before: member };
}

function unknownMember({ member, instance }: Situation, beat: Beat): Admission {
  if (member && instance && instance.memberId !== beat.memberId)
    return refused(
      'FENCED_INSTANCE_ID',
      `instance ${beat.instanceId} is member ${instance.memberId}'s now, no more ${beat.memberId}'s`,
    );
  return refused(
    'UNKNOWN_MEMBER_ID',
    `there is no member ${beat.memberId}: it left, or its session timed out; join again`,
  );
}

function join({ member, instance, nowMs }: Situation, beat: Beat): Admission {
  if (member && beat.seq <= member.seq)
    return refused('UNKNOWN_MEMBER_ID', `${lateDetail(member, beat)}: member ${beat.memberId} has left`);
  const subscription = subscriptionOf({ topics: [], regex: '', assignor: undefined }, beat);
  if (subscription.topics.length === 0 && subscription.regex === '')
    return refused(
      'INVALID_REQUEST',
      'a member joins with subscribedTopicNames or subscribedTopicRegex: both are empty',
    );
  const holder = instance?.holder;
  const isOthers = instance !== undefined && instance.memberId !== beat.memberId;
  if (isOthers && holder?.state === 'open') {
    if (isExpired(holder, nowMs)) return { kind: 'expire', member: holder };
    return refused(
      'UNRELEASED_INSTANCE_ID',
      `instance ${beat.instanceId} is member ${holder.memberId}'s, who has not left`,
    );
  }
  // A fresh member with the same subscription inherits what the target has for the instance: nothing needs computing.
  const inherits =
    isOthers && member === undefined && holder !== undefined && isSame(holder.subscription, subscription);
  const joined = newMember(member, beat, nowMs, { subscription, isBumpDue: !inherits });
  const takesOver = beat.instanceId !== undefined && instance?.memberId !== beat.memberId;
  return { kind: takesOver ? 'take-over' : 'write', member: joined, before: member };
}

function newMember(
  before: Member | undefined,
  beat: Beat,
  nowMs: number,
  rest: Pick<Member, 'subscription' | 'isBumpDue'>,
): Member {
  const { memberId, seq, sessionMs, rebalanceMs, instanceId, rackId, clientId, host } = beat;
  return {
    ...{ memberId, seq, sessionMs, rebalanceMs, instanceId, rackId, clientId, host },
    ...rest,
    state: 'open',
    revision: (before?.revision ?? 0) + 1,
    epoch: 0,
    shownEpoch: 0,
    owned: none,
    revoking: none,
    revokeDeadlineMs: 0,
    isWaiting: false,
    renewedMs: nowMs,
  };
}

// --- reconciliation: from what the member owns to what the target gives it

export type Plan =
  /** It has not reported letting go yet: it is told again. */
  | { readonly kind: 'hold' }
  /** What it has let go of is released, then it is told what else to let go of. */
  | { readonly kind: 'revoke'; readonly release: Partitions; readonly member: Member }
  | { readonly kind: 'claim'; readonly release: Partitions; readonly missing: Partitions };

/** `owned` is what the member reports; undefined when it does not. */
export function reconcile(
  member: Member,
  beat: Beat,
  owned: Partitions | undefined,
  target: Partitions,
  nowMs: number,
): Plan {
  const release = member.revoking;
  const mayStillRead = owned === undefined || !isEmpty(intersection(release, owned));
  if (!isEmpty(release) && mayStillRead) return { kind: 'hold' };
  const surplus = minus(member.owned, target);
  if (isEmpty(surplus)) return { kind: 'claim', release, missing: minus(target, member.owned) };
  const changes = {
    owned: intersection(member.owned, target),
    revoking: surplus,
    revokeDeadlineMs: nowMs + beat.rebalanceMs,
    isBumpDue: false,
  };
  return { kind: 'revoke', release, member: touched(member, beat, nowMs, changes) };
}

/** After the claims: the item to be written, or undefined when nothing needs to be. */
export function settle(
  member: Member,
  beat: Beat,
  owned: Partitions | undefined,
  found: { epoch: number; claimed: Partitions; missing: Partitions },
  nowMs: number,
): Member | undefined {
  const isWaiting = countOf(found.claimed) < countOf(found.missing);
  const changes = {
    epoch: found.epoch,
    owned: union(member.owned, found.claimed),
    revoking: none,
    isWaiting,
    isBumpDue: false,
  };
  const isUnchanged =
    member.epoch === found.epoch &&
    isEmpty(found.claimed) &&
    isEmpty(member.revoking) &&
    member.isWaiting === isWaiting &&
    !member.isBumpDue;
  if (isUnchanged) return recordOf(member, beat, owned, nowMs);
  return touched(member, beat, nowMs, changes);
}

/**
 * For a reply that changes nothing. But a reply that names a partition which the member has not reported is recorded
 * first: else an older heartbeat, on its way still, could let go of that partition in the member's name.
 */
export function recordOf(member: Member, beat: Beat, owned: Partitions | undefined, nowMs: number): Member | undefined {
  if (member.seq === beat.seq) return undefined;
  const knowsAll = owned !== undefined ? covers(owned, member.owned) : isEmpty(member.owned);
  return knowsAll && !isRenewalDue(member, beat, nowMs) ? undefined : touched(member, beat, nowMs);
}

export function replyOf(member: Member, beat: Beat, nowMs: number): HeartbeatReply {
  const isUnsettled = member.isWaiting || member.isBumpDue || !isEmpty(member.revoking) || member.epoch === 0;
  return {
    memberId: member.memberId,
    memberEpoch: member.epoch,
    heartbeatIntervalMs: isUnsettled ? Math.min(unsettledIntervalMs, beat.intervalMs) : beat.intervalMs,
    sessionTimeoutMs: member.sessionMs,
    leaseMs: Math.max(0, Math.min(member.sessionMs, endOf(member) - nowMs)),
    assignment: member.owned,
  };
}

/** When it may be closed. */
const endOf = ({ renewedMs, sessionMs, revoking, revokeDeadlineMs }: Member): number =>
  Math.min(renewedMs + sessionMs, isEmpty(revoking) ? Number.POSITIVE_INFINITY : revokeDeadlineMs);

export const leftReply = (beat: Beat): HeartbeatReply => ({
  memberId: beat.memberId,
  memberEpoch: beat.memberEpoch,
  heartbeatIntervalMs: 0,
  sessionTimeoutMs: 0,
  leaseMs: 0,
  assignment: none,
});
