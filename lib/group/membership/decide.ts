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
import { type CheckedRequest, isJoining, isLeaving } from './heartbeat-request.ts';

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

export function glance({ head, member, nowMs }: Glance, sent: CheckedRequest): GlanceOutcome {
  if (!head || member?.state !== 'open' || !isSettled(head, member, sent)) return { kind: 'slow' };
  const owned = sent.owned && recognised(sent.owned, member.owned);
  if (!owned || !equal(owned, member.owned)) return { kind: 'slow' };
  return isRenewalDue(member, sent, nowMs)
    ? { kind: 'renew', member: touched(member, sent, nowMs) }
    : { kind: 'reply' };
}

function isSettled(head: GroupHead, member: Member, sent: CheckedRequest): boolean {
  const epochs = [member.epoch, head.assignmentEpoch, head.groupEpoch];
  return (
    !head.isDeleted &&
    sent.memberEpoch > 0 &&
    epochs.every((epoch) => epoch === sent.memberEpoch) &&
    sent.seq > member.seq &&
    isEmpty(member.revoking) &&
    !member.isWaiting &&
    !member.isBumpDue &&
    sent.instanceId === member.instanceId &&
    isSame(member.subscription, subscriptionOf(member.subscription, sent))
  );
}

/** A third of the session, so that a lost renewal does not end it. */
const isRenewalDue = (member: Member, sent: CheckedRequest, nowMs: number): boolean =>
  Math.abs(nowMs - member.renewedMs) >= member.sessionMs / 3 || member.sessionMs !== sent.sessionMs;

/** Every write by a member's heartbeat renews it, and takes over what the request says of it. */
function touched(member: Member, sent: CheckedRequest, nowMs: number, changes: Partial<Member> = {}): Member {
  return next(member, {
    seq: sent.seq,
    shownEpoch: sent.memberEpoch,
    renewedMs: renewedAt(member, nowMs),
    sessionMs: sent.sessionMs,
    rebalanceMs: sent.rebalanceMs,
    rackId: sent.rackId,
    clientId: sent.clientId,
    host: sent.host,
    ...changes,
  });
}

function subscriptionOf(before: Subscription, sent: CheckedRequest): Subscription {
  return {
    topics: sent.topics ?? before.topics,
    regex: sent.regex ?? before.regex,
    assignor: sent.assignor ?? before.assignor,
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

export function admit(situation: Situation, sent: CheckedRequest): Admission {
  const { member } = situation;
  if (isLeaving(sent)) return leave(member, sent, situation.nowMs);
  if (member?.state !== 'open') return isJoining(sent) ? join(situation, sent) : unknownMember(situation, sent);
  const isLate = sent.seq < member.seq;
  const isRepeat = sent.seq === member.seq;
  if (isLate) return refused('INVALID_REQUEST', lateDetail(member, sent));
  if (isRepeat) return { kind: 'repeat' };
  if (sent.instanceId !== member.instanceId) return refused('INVALID_REQUEST', instanceDetail(member, sent));
  if (![0, member.epoch, member.shownEpoch].includes(sent.memberEpoch))
    return refused(
      'FENCED_MEMBER_EPOCH',
      `member ${sent.memberId} is at epoch ${member.epoch}, not ${sent.memberEpoch}: give up its partitions and join again`,
    );
  const owned = ownedBy(member, sent);
  if (owned === 'foreign')
    return refused(
      'FENCED_MEMBER_EPOCH',
      `member ${sent.memberId} names partitions that it does not own: give up all and join again`,
    );
  const subscription = subscriptionOf(member.subscription, sent);
  if (isJoining(sent) && ownsSomething(member))
    return {
      kind: 'write',
      member: newMember(member, sent, situation.nowMs, { subscription, isBumpDue: true }),
      before: member,
    };
  if (isSame(subscription, member.subscription)) return { kind: 'go-on', owned };
  const changed = touched(member, sent, situation.nowMs, { subscription, isBumpDue: true });
  return { kind: 'write', member: changed, before: member };
}

/** Then who joins again begins its terms anew, in a later epoch: a commit of before, still on its way, must not land after that. */
const ownsSomething = ({ owned, revoking }: Member): boolean => !isEmpty(owned) || !isEmpty(revoking);

const lateDetail = (member: Member, sent: CheckedRequest) =>
  `heartbeatSeq ${sent.seq} is below ${member.seq}, the last of member ${sent.memberId}: this heartbeat came late and does nothing`;
const instanceDetail = (member: Member, sent: CheckedRequest) =>
  `member ${sent.memberId} has ${member.instanceId === undefined ? 'no instance id' : `the instance id ${member.instanceId}`}, not ${sent.instanceId}`;

/** Undefined: it did not say. Who joins has nothing. */
export function ownedBy(member: Member, sent: CheckedRequest): Partitions | undefined | 'foreign' {
  if (isJoining(sent)) return none;
  return sent.owned && (recognised(sent.owned, union(member.owned, member.revoking)) ?? 'foreign');
}

function leave(member: Member | undefined, sent: CheckedRequest, nowMs: number): Admission {
  if (!member) return refused('UNKNOWN_MEMBER_ID', `there is no member ${sent.memberId}`);
  const isLate = sent.seq <= member.seq;
  if (isLate && member.state !== 'open') return { kind: 'left' };
  if (isLate) return refused('INVALID_REQUEST', lateDetail(member, sent));
  if (!isLiving(member))
    return refused('UNKNOWN_MEMBER_ID', `member ${sent.memberId} has left, or its session timed out`);
  if (sent.memberEpoch === leaveEpoch) return { kind: 'write', member: closed(member, sent.seq), before: member };
  if (member.instanceId !== sent.instanceId) return refused('INVALID_REQUEST', instanceDetail(member, sent));
  // Its successor has a whole session to come.
  const away = next(member, { state: 'away', seq: sent.seq, renewedMs: renewedAt(member, nowMs) });
  return { kind: 'write', member: away, before: member };
}

function unknownMember({ member, instance }: Situation, sent: CheckedRequest): Admission {
  if (member && instance && instance.memberId !== sent.memberId)
    return refused(
      'FENCED_INSTANCE_ID',
      `instance ${sent.instanceId} is member ${instance.memberId}'s now, no more ${sent.memberId}'s`,
    );
  return refused(
    'UNKNOWN_MEMBER_ID',
    `there is no member ${sent.memberId}: it left, or its session timed out; join again`,
  );
}

function join({ member, instance, nowMs }: Situation, sent: CheckedRequest): Admission {
  if (member && sent.seq <= member.seq)
    return refused('UNKNOWN_MEMBER_ID', `${lateDetail(member, sent)}: member ${sent.memberId} has left`);
  const subscription = subscriptionOf({ topics: [], regex: '', assignor: undefined }, sent);
  if (subscription.topics.length === 0 && subscription.regex === '')
    return refused(
      'INVALID_REQUEST',
      'a member joins with subscribedTopicNames or subscribedTopicRegex: both are empty',
    );
  const holder = instance?.holder;
  const isOthers = instance !== undefined && instance.memberId !== sent.memberId;
  if (isOthers && holder?.state === 'open') {
    if (isExpired(holder, nowMs)) return { kind: 'expire', member: holder };
    return refused(
      'UNRELEASED_INSTANCE_ID',
      `instance ${sent.instanceId} is member ${holder.memberId}'s, who has not left`,
    );
  }
  // A fresh member with the same subscription inherits what the target has for the instance: nothing needs computing.
  const inherits =
    isOthers && member === undefined && holder !== undefined && isSame(holder.subscription, subscription);
  const joined = newMember(member, sent, nowMs, { subscription, isBumpDue: !inherits });
  const takesOver = sent.instanceId !== undefined && instance?.memberId !== sent.memberId;
  return { kind: takesOver ? 'take-over' : 'write', member: joined, before: member };
}

function newMember(
  before: Member | undefined,
  sent: CheckedRequest,
  nowMs: number,
  rest: Pick<Member, 'subscription' | 'isBumpDue'>,
): Member {
  const { memberId, seq, sessionMs, rebalanceMs, instanceId, rackId, clientId, host } = sent;
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
  sent: CheckedRequest,
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
    revokeDeadlineMs: nowMs + sent.rebalanceMs,
    isBumpDue: false,
  };
  return { kind: 'revoke', release, member: touched(member, sent, nowMs, changes) };
}

/** After the claims: the item to be written, or undefined when nothing needs to be. */
export function settle(
  member: Member,
  sent: CheckedRequest,
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
  if (isUnchanged) return recordOf(member, sent, owned, nowMs);
  return touched(member, sent, nowMs, changes);
}

/**
 * For a reply that changes nothing. But a reply that names a partition which the member has not reported is recorded
 * first: else an older heartbeat, on its way still, could let go of that partition in the member's name.
 */
export function recordOf(
  member: Member,
  sent: CheckedRequest,
  owned: Partitions | undefined,
  nowMs: number,
): Member | undefined {
  if (member.seq === sent.seq) return undefined;
  const knowsAll = owned !== undefined ? covers(owned, member.owned) : isEmpty(member.owned);
  return knowsAll && !isRenewalDue(member, sent, nowMs) ? undefined : touched(member, sent, nowMs);
}

export function replyOf(member: Member, sent: CheckedRequest, nowMs: number): HeartbeatReply {
  const isUnsettled = member.isWaiting || member.isBumpDue || !isEmpty(member.revoking) || member.epoch === 0;
  return {
    memberId: member.memberId,
    memberEpoch: member.epoch,
    heartbeatIntervalMs: isUnsettled ? Math.min(unsettledIntervalMs, sent.intervalMs) : sent.intervalMs,
    sessionTimeoutMs: member.sessionMs,
    leaseMs: Math.max(0, Math.min(member.sessionMs, endOf(member) - nowMs)),
    assignment: member.owned,
  };
}

/** When it may be closed. */
const endOf = ({ renewedMs, sessionMs, revoking, revokeDeadlineMs }: Member): number =>
  Math.min(renewedMs + sessionMs, isEmpty(revoking) ? Number.POSITIVE_INFINITY : revokeDeadlineMs);

export const leftReply = (sent: CheckedRequest): HeartbeatReply => ({
  memberId: sent.memberId,
  memberEpoch: sent.memberEpoch,
  heartbeatIntervalMs: 0,
  sessionTimeoutMs: 0,
  leaseMs: 0,
  assignment: none,
});
