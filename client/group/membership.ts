// This is a group member's side of the protocol, as a pure function: from the state and an event to the new state and the
// actions. Time, requests and the application are in group-member.ts. docs/PROTOCOL.md, section 13, "Groups", has the
// server's side and its proofs.
//
// Invariants: `seq` only grows. An answer to any but the newest heartbeat is dropped, because it may name partitions that
// the member has released since. No heartbeat releases a partition before the application has released it. The lease of
// the newest answered heartbeat ends `leaseMs` after that heartbeat was *sent*, less the skew that clocks may have.

import {
  type HeartbeatReply,
  joinEpoch,
  leaveEpoch,
  leaveStaticEpoch,
  type TopicPartitions,
} from '../../lib/api/groups.ts';
import type { RivuletClientError } from '../client-error.ts';
import { grouped } from '../grouped.ts';

export type OwnedPartition = { readonly topic: string; readonly topicId: string; readonly partition: number };

export type Member = {
  /** `resting`: the member has left because a handler is slow. `ended`: it has left for ever. */
  readonly phase: 'joining' | 'member' | 'resting' | 'ended';
  readonly epoch: number;
  /** The number of the newest heartbeat, and when it was sent. */
  readonly seq: number;
  readonly sentMs: number;
  /** When to send the next heartbeat. */
  readonly dueMs: number;
  /** From then on, no message may be handed over. */
  readonly leaseEndMs: number;
  /** The partitions that heartbeats report as owned, including those that the application is releasing now. */
  readonly held: readonly OwnedPartition[];
  readonly target: readonly OwnedPartition[];
  /** The change that the application is making now, if any. Changes are numbered. */
  readonly change: { readonly number: number; readonly revoked: readonly OwnedPartition[] } | undefined;
  readonly changes: number;
  readonly leaving: boolean;
  /** When the member first found its instance id in use by another member. */
  readonly unreleasedSinceMs: number | undefined;
};

export type MemberSettings = {
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly isStatic: boolean;
};

export type MemberEvent = { readonly nowMs: number } & (
  | { readonly type: 'due' }
  | { readonly type: 'answered'; readonly seq: number; readonly reply: HeartbeatReply }
  | { readonly type: 'refused'; readonly seq: number; readonly error: RivuletClientError; readonly backoffMs: number }
  /** The application has made the change. */
  | { readonly type: 'changed'; readonly number: number }
  | { readonly type: 'subscribed' }
  /** `slow`: a handler works longer than it may. `rested`: no handler does so any more. */
  | { readonly type: 'slow'; readonly reason: RivuletClientError }
  | { readonly type: 'rested' }
  | { readonly type: 'leave' }
);

export type MemberAction =
  | {
      readonly type: 'heartbeat';
      readonly seq: number;
      readonly epoch: number;
      readonly owned: readonly OwnedPartition[];
    }
  | { readonly type: 'assign' | 'revoke'; readonly number: number; readonly partitions: readonly OwnedPartition[] }
  /** The partitions are lost immediately, because another member may own them by now. */
  | {
      readonly type: 'lose';
      readonly number: number;
      readonly partitions: readonly OwnedPartition[];
      readonly reason: RivuletClientError;
    }
  | { readonly type: 'leave'; readonly seq: number; readonly epoch: number }
  | { readonly type: 'fail'; readonly error: RivuletClientError };

/** Events of a membership that the application does not ask for, and messages that did not reach the group. */
export type MembershipEvent =
  | { readonly type: 'joined'; readonly memberId: string }
  /** Another member has this groupInstanceId. The consumer waits until that member leaves or its session ends. */
  | { readonly type: 'instance-in-use' }
  /** The last commit of released partitions failed: what was handled since the commit before is delivered again. */
  | { readonly type: 'not-committed'; readonly reason: RivuletClientError }
  /** The leave request failed: the group takes this consumer for a member until its session ends. */
  | { readonly type: 'not-left'; readonly reason: RivuletClientError };

export type Decision = { readonly member: Member; readonly actions: readonly MemberAction[] };

/** The clocks of two machines may differ by this much. */
export const skewMs = 1_000;

export function newMember(nowMs: number): Member {
  return {
    phase: 'joining',
    epoch: joinEpoch,
    seq: 0,
    sentMs: nowMs,
    dueMs: nowMs,
    leaseEndMs: nowMs,
    held: [],
    target: [],
    change: undefined,
    changes: 0,
    leaving: false,
    unreleasedSinceMs: undefined,
  };
}

export function decide(member: Member, settings: MemberSettings, event: MemberEvent): Decision {
  if (member.phase === 'ended') return { member, actions: [] };
  switch (event.type) {
    case 'due':
      return beat(member, event.nowMs);
    case 'answered':
      return answered(member, settings, event.seq, event.nowMs, event.reply);
    case 'refused':
      return event.seq === member.seq ? refused(member, settings, event) : { member, actions: [] };
    case 'changed':
      return changed(member, settings, event.number, event.nowMs);
    case 'subscribed':
      return { member: { ...member, dueMs: Math.min(member.dueMs, event.nowMs) }, actions: [] };
    case 'slow':
      return rest(member, settings, event.reason);
    case 'rested':
      return { member: { ...member, phase: 'joining', dueMs: event.nowMs }, actions: [] };
    case 'leave':
      return reconcile({ ...member, leaving: true, target: [] }, settings);
  }
}

function beat(member: Member, nowMs: number): Decision {
  // A member that the group removed while it was leaving has left.
  const idle = member.phase === 'resting' || (member.leaving && member.epoch === joinEpoch);
  if (nowMs < member.dueMs) return { member, actions: [] };
  if (idle) return { member: { ...member, dueMs: Number.POSITIVE_INFINITY }, actions: [] };
  const seq = member.seq + 1;
  const { epoch, held } = member;
  return {
    member: { ...member, seq, sentMs: nowMs, dueMs: Number.POSITIVE_INFINITY },
    actions: [{ type: 'heartbeat', seq, epoch, owned: held }],
  };
}

function answered(
  member: Member,
  settings: MemberSettings,
  seq: number,
  nowMs: number,
  reply: HeartbeatReply,
): Decision {
  if (seq !== member.seq || member.phase === 'resting') return { member, actions: [] };
  const leaseEndMs = member.sentMs + reply.leaseMs - skewMs;
  // The answer came after its lease, so it grants nothing. The group has received the heartbeat: the next is not urgent.
  if (nowMs >= leaseEndMs) return { member: { ...member, dueMs: nowMs + settings.heartbeatIntervalMs }, actions: [] };
  return reconcile(
    {
      ...member,
      phase: 'member',
      epoch: reply.memberEpoch,
      leaseEndMs,
      dueMs: nowMs + reply.heartbeatIntervalMs,
      target: member.leaving ? [] : flat(reply.assignment),
      unreleasedSinceMs: undefined,
    },
    settings,
  );
}

/** Makes one change at a time. A release comes first, because the group waits for it. */
function reconcile(member: Member, settings: MemberSettings): Decision {
  if (member.change) return { member, actions: [] };
  const { held, target } = member;
  const revoked = without(held, target);
  if (revoked.length > 0) return change(member, 'revoke', revoked, held);
  if (member.leaving) return end(member, settings);
  const added = without(target, held);
  if (added.length > 0) return change(member, 'assign', added, [...held, ...added]);
  return { member, actions: [] };
}

function change(
  member: Member,
  type: 'assign' | 'revoke',
  partitions: readonly OwnedPartition[],
  held: readonly OwnedPartition[],
): Decision {
  const number = member.changes + 1;
  const revoked = type === 'revoke' ? partitions : [];
  return {
    member: { ...member, held, changes: number, change: { number, revoked } },
    actions: [{ type, number, partitions }],
  };
}

function changed(member: Member, settings: MemberSettings, number: number, nowMs: number): Decision {
  if (member.change?.number !== number) return { member, actions: [] };
  const { revoked } = member.change;
  const dueMs = revoked.length > 0 ? nowMs : member.dueMs;
  return reconcile({ ...member, change: undefined, held: without(member.held, revoked), dueMs }, settings);
}

function refused(
  member: Member,
  settings: MemberSettings,
  { error, nowMs, backoffMs }: Extract<MemberEvent, { type: 'refused' }>,
): Decision {
  if (member.phase === 'resting') return { member, actions: [] };
  const { errorCode } = error;
  const dueMs = nowMs + backoffMs;
  if (errorCode === 'UNKNOWN_MEMBER_ID' || errorCode === 'FENCED_MEMBER_EPOCH')
    return lose({ ...member, phase: 'joining', epoch: joinEpoch, dueMs }, error);
  if (error.retriable) return { member: { ...member, dueMs }, actions: [] };
  const unreleasedSinceMs = member.unreleasedSinceMs ?? nowMs;
  // The holder of the instance id may have crashed: then its session ends within this time.
  const waitedMs = nowMs - unreleasedSinceMs;
  if (
    errorCode === 'UNRELEASED_INSTANCE_ID' &&
    waitedMs <= settings.sessionTimeoutMs + 2 * settings.heartbeatIntervalMs
  )
    return { member: { ...member, unreleasedSinceMs, dueMs: nowMs + settings.heartbeatIntervalMs }, actions: [] };
  const lost = lose({ ...member, phase: 'ended', epoch: joinEpoch }, error);
  return { member: lost.member, actions: [...lost.actions, { type: 'fail', error }] };
}

/**
 * A loss overtakes a change under way, whose number is then no longer the current one. But with nothing held, that change
 * can only be an earlier loss. An assignment, or the end, then waits until the application has handled the earlier loss.
 */
function lose(member: Member, reason: RivuletClientError): Decision {
  const { held: partitions } = member;
  const empty = { ...member, held: [], target: [], leaseEndMs: Number.NEGATIVE_INFINITY };
  if (partitions.length === 0) return { member: empty, actions: [] };
  const number = member.changes + 1;
  return {
    member: { ...empty, changes: number, change: { number, revoked: [] } },
    actions: [{ type: 'lose', number, partitions, reason }],
  };
}

function rest(member: Member, settings: MemberSettings, reason: RivuletClientError): Decision {
  if (member.phase === 'resting') return { member, actions: [] };
  const lost = lose({ ...member, epoch: joinEpoch }, reason);
  const left = end(lost.member, settings);
  const phase = member.leaving ? 'ended' : 'resting';
  return { member: { ...left.member, phase }, actions: [...lost.actions, ...left.actions] };
}

/** A static member says that it will return: its partitions wait for it for a session. */
function end(member: Member, { isStatic }: MemberSettings): Decision {
  const seq = member.seq + 1;
  return {
    member: { ...member, seq, phase: 'ended', dueMs: Number.POSITIVE_INFINITY },
    actions: [{ type: 'leave', seq, epoch: isStatic ? leaveStaticEpoch : leaveEpoch }],
  };
}

const idOf = ({ topicId, partition }: OwnedPartition): string => `${topicId}/${partition}`;

function without(all: readonly OwnedPartition[], those: readonly OwnedPartition[]): readonly OwnedPartition[] {
  if (those.length === 0) return all;
  const ids = new Set(those.map(idOf));
  return all.filter((one) => !ids.has(idOf(one)));
}

function flat(assignment: readonly TopicPartitions[]): OwnedPartition[] {
  return assignment.flatMap(({ topic, topicId, partitions }) =>
    partitions.map((partition) => ({ topic, topicId, partition })),
  );
}

/** Groups the partitions by topic, as heartbeats name them. */
export function byTopic(partitions: readonly OwnedPartition[]): TopicPartitions[] {
  return [...grouped(partitions, ({ topicId }) => topicId)].map(([topicId, of]) => ({
    topic: of[0]!.topic,
    topicId,
    partitions: of.map(({ partition }) => partition).sort((a, b) => a - b),
  }));
}
