// A group member's side of the protocol, as a pure table: what happened, what is now so, what is to be done. Time, requests
// and the application are group-member.ts's. The server's side and its proofs: docs/PROTOCOL.md, "Groups".
//
// Invariants: `seq` only grows, and an answer to any but the newest heartbeat is dropped: an older one may name partitions
// that have been let go since. Nothing is let go of in a heartbeat before the application has let go of it. And what the
// newest answered heartbeat promised ends `leaseMs` after it was *sent*, less the skew that clocks may have.
import {
  type HeartbeatReply,
  joinEpoch,
  leaveEpoch,
  leaveStaticEpoch,
  type TopicPartitions,
} from '../../lib/api/groups.ts';
import type { RivuletClientError } from '../client-error.ts';

export type OwnedPartition = { readonly topic: string; readonly topicId: string; readonly partition: number };

export type Member = {
  /** `resting`: has left, because a handler is slow. `ended`: for good. */
  readonly phase: 'joining' | 'member' | 'resting' | 'ended';
  readonly epoch: number;
  /** Of the newest heartbeat, and when it was sent. */
  readonly seq: number;
  readonly sentMs: number;
  /** When to send the next one. */
  readonly dueMs: number;
  /** Nothing may be handed over from then on. */
  readonly leaseEndMs: number;
  /** What is reported as owned: with what the application is just letting go of. */
  readonly held: readonly OwnedPartition[];
  readonly target: readonly OwnedPartition[];
  /** The change that the application is making now, if any; they are numbered. */
  readonly change: { readonly number: number; readonly revoked: readonly OwnedPartition[] } | undefined;
  readonly changes: number;
  readonly leaving: boolean;
  /** Since when another member has our instance id. */
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
  /** A handler works longer than it may; and: no handler does any more. */
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
  /** At once, for they may be another's by now. */
  | {
      readonly type: 'lose';
      readonly number: number;
      readonly partitions: readonly OwnedPartition[];
      readonly reason: RivuletClientError;
    }
  | { readonly type: 'leave'; readonly seq: number; readonly epoch: number }
  | { readonly type: 'fail'; readonly error: RivuletClientError };

/** What a consumer learns of its membership without being asked anything, and what it could not tell its group. */
export type MembershipEvent =
  | { readonly type: 'joined'; readonly memberId: string }
  /** Another member has its groupInstanceId. It waits until that one leaves, or its session is over. */
  | { readonly type: 'instance-in-use' }
  /** The last commit of partitions that are given up: what was handled since the one before is delivered again. */
  | { readonly type: 'not-committed'; readonly reason: RivuletClientError }
  /** The group takes it for a member until its session is over. */
  | { readonly type: 'not-left'; readonly reason: RivuletClientError };

export type Decision = { readonly member: Member; readonly actions: readonly MemberAction[] };

/** What the clocks of two machines may differ by. */
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
  // Whoever was thrown out while leaving has left.
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
  // Too late to believe it. The heartbeat itself has been heard: the next one is not urgent.
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

/** One change at a time, and letting go comes first: the group waits for it. */
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
  // Who had it may have crashed: then its session ends.
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
 * A change under way is overtaken: its number is no longer the current one. But with nothing held it can only be an
 * earlier loss, and what comes next, an assignment or the end, waits until the application has taken that in.
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

/** A static member will be back: its partitions wait for a session. */
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

/** As heartbeats and commits have it. */
export function byTopic(partitions: readonly OwnedPartition[]): TopicPartitions[] {
  return [...Map.groupBy(partitions, ({ topicId }) => topicId)].map(([topicId, of]) => ({
    topic: of[0]!.topic,
    topicId,
    partitions: of.map(({ partition }) => partition).sort((a, b) => a - b),
  }));
}
