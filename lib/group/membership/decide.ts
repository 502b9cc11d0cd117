// Decides what a heartbeat means. The functions here are pure: heartbeat.ts reads the items, asks these functions, and
// does what they decide.
//
// The order of the steps keeps these invariants (docs/PROTOCOL.md, 13, has the failure that each prevents):
// - A write of a member requires that its item is as read, and a heartbeat acts only if it is newer than the last one
//   that was written.
// - A reply names only partitions that the member's item lists, and the item lists only partitions that an offsets item
//   gives to the member.
// - A partition is released only after the member has reported that it no longer has it.

import type { ErrorCode, RivuletError } from '../../api/errors.ts';
import { type HeartbeatReply, leaveEpoch } from '../../api/groups.ts';
import { refused as refusal } from '../../api/refusal.ts';
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

/** The time between heartbeats while partitions are on their way. */
const unsettledIntervalMs = 500;

const refused = (
  errorCode: ErrorCode,
  detail: string,
  extra?: { readonly heartbeatSeq: number },
): { kind: 'refused'; error: RivuletError } => ({ kind: 'refused', error: refusal(errorCode, detail, extra) });

// --- the fast path: nothing has changed

export type Glance = {
  /** Head and member may be old, because they come from eventual reads. */
  readonly head: GroupHead | undefined;
  readonly member: Member | undefined;
  readonly nowMs: number;
};

export type GlanceOutcome =
  | { readonly kind: 'reply' }
  /** Nothing has changed, and only the lease has to be renewed. */
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
    !namesOther(member, sent) &&
    isSame(member.subscription, subscriptionOf(member.subscription, sent))
  );
}

/** A lease is renewed after a third of the session, so that a lost renewal does not end the session. */
const isRenewalDue = (member: Member, sent: CheckedRequest, nowMs: number): boolean =>
  Math.abs(nowMs - member.renewedMs) >= member.sessionMs / 3 || member.sessionMs !== sent.sessionMs;

/** Clients of Kafka name their instance when they join, and not always after that. */
const namesOther = (member: Member, { instanceId }: CheckedRequest): boolean =>
  instanceId !== undefined && instanceId !== member.instanceId;

/** Every write by a member's own heartbeat renews its lease, and records what the request says about the member. */
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
  /** The member that has the instance id, if the request names one. */
  readonly instance: { readonly memberId: string; readonly holder: Member | undefined } | undefined;
  readonly nowMs: number;
};

export type Admission =
  | { readonly kind: 'refused'; readonly error: RivuletError }
  /** The request has done its work before, and the item holds the result. */
  | { readonly kind: 'repeat' }
  | { readonly kind: 'left' }
  /** The instance id belongs to a member whose session is over. That member is closed first. */
  | { readonly kind: 'expire'; readonly member: Member }
  | { readonly kind: 'write'; readonly member: Member; readonly before: Member | undefined }
  /** The member takes over an instance id, and the terms of its last holder are over. */
  | { readonly kind: 'take-over'; readonly member: Member; readonly before: Member | undefined }
  | { readonly kind: 'go-on'; readonly owned: Partitions | undefined };

export function admit(situation: Situation, sent: CheckedRequest): Admission {
  const { member } = situation;
  if (isLeaving(sent)) return leave(member, sent, situation.nowMs);
  if (member?.state !== 'open') return isJoining(sent) ? join(situation, sent) : unknownMember(situation, sent);
  const isLate = sent.seq < member.seq;
  const isRepeat = sent.seq === member.seq;
  if (isLate) return refused('INVALID_REQUEST', lateDetail(member, sent), lastSeq(member));
  if (isRepeat) return { kind: 'repeat' };
  if (namesOther(member, sent)) return refused('INVALID_REQUEST', instanceDetail(member, sent));
  if (![0, member.epoch, member.shownEpoch].includes(sent.memberEpoch))
    return refused(
      'FENCED_MEMBER_EPOCH',
      `member ${sent.memberId} is at epoch ${member.epoch}, not ${sent.memberEpoch}: give up its partitions and join again`,
    );
  const owned = ownedBy(member, sent);
  if (owned === 'foreign')
    return refused(
      'FENCED_MEMBER_EPOCH',
      `member ${sent.memberId} names partitions that it does not own: give up all partitions and join again`,
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

/**
 * A member that owns something and joins again begins new ownership terms, in a later epoch. Otherwise a delayed commit
 * from before could be applied after the member has read the committed offset.
 */
const ownsSomething = ({ owned, revoking }: Member): boolean => !isEmpty(owned) || !isEmpty(revoking);

/** A caller whose heartbeats have no numbers of their own goes on from here. */
const lastSeq = ({ seq }: Member) => ({ heartbeatSeq: seq });
const lateDetail = (member: Member, sent: CheckedRequest) =>
  `heartbeatSeq: expected more than ${member.seq}, the last one of member ${sent.memberId}, got ${sent.seq}, so this heartbeat is late and does nothing`;
const instanceDetail = (member: Member, sent: CheckedRequest) =>
  `instanceId: expected ${member.instanceId ?? 'none'}, as when member ${sent.memberId} joined, got ${sent.instanceId ?? 'none'}`;

/** Undefined if the request does not report partitions. A member that joins owns nothing. */
export function ownedBy(member: Member, sent: CheckedRequest): Partitions | undefined | 'foreign' {
  if (isJoining(sent)) return none;
  return sent.owned && (recognised(sent.owned, union(member.owned, member.revoking)) ?? 'foreign');
}

function leave(member: Member | undefined, sent: CheckedRequest, nowMs: number): Admission {
  if (!member) return refused('UNKNOWN_MEMBER_ID', `there is no member ${sent.memberId}`);
  const isLate = sent.seq <= member.seq;
  if (isLate && member.state !== 'open') return { kind: 'left' };
  if (isLate) return refused('INVALID_REQUEST', lateDetail(member, sent), lastSeq(member));
  if (!isLiving(member))
    return refused('UNKNOWN_MEMBER_ID', `member ${sent.memberId} has left, or its session timed out`);
  if (sent.memberEpoch === leaveEpoch) return { kind: 'write', member: closed(member, sent.seq), before: member };
  if (member.instanceId !== sent.instanceId) return refused('INVALID_REQUEST', instanceDetail(member, sent));
  // The renewed lease gives its successor a whole session to come back.
  const away = next(member, { state: 'away', seq: sent.seq, renewedMs: renewedAt(member, nowMs) });
  return { kind: 'write', member: away, before: member };
}

function unknownMember({ member, instance }: Situation, sent: CheckedRequest): Admission {
  if (member && instance && instance.memberId !== sent.memberId)
    return refused(
      'FENCED_INSTANCE_ID',
      `instance id ${sent.instanceId} belongs to member ${instance.memberId} now, and no longer to ${sent.memberId}`,
    );
  return refused(
    'UNKNOWN_MEMBER_ID',
    `there is no member ${sent.memberId}, because it left or its session timed out: join again`,
  );
}

function join({ member, instance, nowMs }: Situation, sent: CheckedRequest): Admission {
  if (member && sent.seq <= member.seq)
    return refused(
      'UNKNOWN_MEMBER_ID',
      `${lateDetail(member, sent)}; member ${sent.memberId} has left`,
      lastSeq(member),
    );
  const subscription = subscriptionOf({ topics: [], regex: '', assignor: undefined }, sent);
  if (subscription.topics.length === 0 && subscription.regex === '')
    return refused(
      'INVALID_REQUEST',
      'subscribedTopicNames: expected names, or a subscribedTopicRegex, in order to join, got neither',
    );
  const holder = instance?.holder;
  const isOthers = instance !== undefined && instance.memberId !== sent.memberId;
  if (isOthers && holder?.state === 'open') {
    if (isExpired(holder, nowMs)) return { kind: 'expire', member: holder };
    return refused(
      'UNRELEASED_INSTANCE_ID',
      `instance id ${sent.instanceId} is in use by member ${holder.memberId}, which has not left`,
    );
  }
  // A fresh member with the same subscription inherits what the target has for the instance, so no target has to be
  // computed. A holder that is closed may be in no target any more: its leaving may have installed one without it.
  const isInTarget = holder !== undefined && isLiving(holder);
  const inherits = isOthers && member === undefined && isInTarget && isSame(holder.subscription, subscription);
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
  /** The member has not reported yet that it let go of the partitions, so the reply asks for it again. */
  | { readonly kind: 'hold' }
  /** The partitions that the member has let go of are released. Then the reply asks it to let go of others. */
  | { readonly kind: 'revoke'; readonly release: Partitions; readonly member: Member }
  | { readonly kind: 'claim'; readonly release: Partitions; readonly missing: Partitions };

/** `owned` is what the member reports that it owns; undefined if it reports nothing. */
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

/** Returns the item to be written after the claims, or undefined if no write is needed. */
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
 * first. Otherwise an older heartbeat that is still on its way could let go of that partition in the member's name.
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

/** The time from which any process may close the member. */
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
