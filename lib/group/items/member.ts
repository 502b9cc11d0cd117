// A member of a group, and its item. The item is always written whole, on the condition that its revision is the one
// that was read. Only a heartbeat with a greater `seq` opens a member again. The states are:
//   open     a member; its terms hold                      -> away, closed
//   away     static, and will be back; its terms hold      -> open (the same id), closed, retired
//   closed   left or expired: its terms are over           -> retired, open
//   retired  no target names it; a tombstone with a ttl    -> open
//
//   v version   st state: o a c r   r revision   sq last heartbeatSeq written   me epoch   pe epoch that the member last
//   showed   ow owned   rv to be let go of   rb until when   un 1: waits for others   bd 1: ge must rise   rn renewed ms
//   s session ms   rt rebalance ms   ts topic names   rx regex   as assignor   in instance   rk rack   ci client   ho host
//   of the classic protocol:   j round that the member joined   pr its protocols: name and metadata, by turns
import type { Assignor } from '../../api/groups.ts';
import { checkVersion, itemVersion, memberKey } from '../../storage/keys.ts';
import { absent, type Condition, equals, type Item, type Value } from '../../storage/table.ts';
import { decodePartitions, encodePartitions, has, isEmpty, none, type Partitions } from '../partition-set.ts';

const states = { o: 'open', a: 'away', c: 'closed', r: 'retired' } as const;
type StateLetter = keyof typeof states;
export type MemberState = (typeof states)[StateLetter];

export type Subscription = {
  /** Sorted, and each name once. */
  readonly topics: readonly string[];
  /** Empty means that there is no expression. */
  readonly regex: string;
  readonly assignor: Assignor | undefined;
};

/** A member of the classic protocol said this when it joined. */
export type Joined = {
  readonly round: number;
  readonly protocols: readonly Protocol[];
};

/** The metadata is opaque: the leader's client reads it. */
export type Protocol = { readonly name: string; readonly metadata: Uint8Array };

export type Member = {
  readonly memberId: string;
  readonly state: MemberState;
  /** Grows with every write of the item. */
  readonly revision: number;
  readonly seq: number;
  readonly epoch: number;
  /** The epoch that the member showed when its item was last written. It may not have received the newer epoch. */
  readonly shownEpoch: number;
  readonly owned: Partitions;
  readonly revoking: Partitions;
  readonly revokeDeadlineMs: number;
  readonly isWaiting: boolean;
  /** Its subscription was written, and the group epoch may not have been raised since. */
  readonly isBumpDue: boolean;
  readonly renewedMs: number;
  readonly sessionMs: number;
  readonly rebalanceMs: number;
  readonly subscription: Subscription;
  readonly instanceId: string | undefined;
  readonly rackId: string | undefined;
  readonly clientId: string;
  readonly host: string;
  /** Undefined for a member that keeps its membership by heartbeats alone. */
  readonly joined?: Joined;
};

/** How far we assume two clocks to disagree. Safety does not depend on it. */
export const clockSkewMs = 1_000;
/** A tombstone outlives every heartbeat that may still be on its way. */
const tombstoneMs = 15 * 60_000;

/** True if the member is neither closed nor retired. */
export const isLiving = ({ state }: Member): boolean => state === 'open' || state === 'away';

/**
 * The key of the member in a target. A static member is called by its instance, so that the member that replaces it
 * inherits.
 */
export const targetKeyOf = (member: Pick<Member, 'memberId' | 'instanceId'>): string =>
  member.instanceId === undefined ? `m/${member.memberId}` : `i/${member.instanceId}`;

export function isExpired(member: Member, nowMs: number): boolean {
  if (!isLiving(member)) return false;
  return nowMs - member.renewedMs > member.sessionMs || (!isEmpty(member.revoking) && nowMs > member.revokeDeadlineMs);
}

/** Tells whether the term that `owner` began at `epoch` is over. Once it is over, it is over for ever. */
export function isOver(owner: Member | undefined, epoch: number, topicId: string, partition: number): boolean {
  if (owner === undefined || !isLiving(owner)) return true;
  const keeps = has(owner.owned, topicId, partition) || has(owner.revoking, topicId, partition);
  const isPast = owner.epoch > epoch;
  return isPast && !keeps;
}

/** For callers that may come before any process has closed a dead member. */
export const isPresent = (member: Member, nowMs: number): boolean => isLiving(member) && !isExpired(member, nowMs);

/** Pulls back a lease that was renewed by a clock too far ahead: otherwise that lease would never end. */
export const renewedAt = (member: Member, nowMs: number): number =>
  member.renewedMs > nowMs + clockSkewMs ? nowMs : Math.max(member.renewedMs, nowMs);

export const asRead = (member: Member | undefined): Condition => (member ? equals('r', member.revision) : absent('v'));

/** Returns the member with these changes, as its next revision. */
export const next = (member: Member, changes: Partial<Member>): Member => ({
  ...member,
  ...changes,
  revision: member.revision + 1,
});

export const closed = (member: Member, seq = member.seq): Member => next(member, { state: 'closed', seq });

export const retired = (member: Member): Member =>
  next(member, { state: 'retired', owned: none, revoking: none, isWaiting: false, isBumpDue: false });

export function memberItem(groupId: string, member: Member, nowMs: number): Item {
  const letter = Object.entries(states).find(([, state]) => state === member.state)![0];
  const identity = { ...memberKey(groupId, member.memberId), v: itemVersion, st: letter, r: member.revision };
  const base = { ...identity, sq: member.seq, me: member.epoch, ...given({ in: member.instanceId }) };
  if (member.state === 'retired') return { ...base, ttl: Math.ceil((nowMs + tombstoneMs) / 1000) };
  return {
    ...base,
    pe: member.shownEpoch,
    ow: encodePartitions(member.owned),
    rn: member.renewedMs,
    s: member.sessionMs,
    rt: member.rebalanceMs,
    ts: member.subscription.topics,
    ci: member.clientId,
    ho: member.host,
    ...(isEmpty(member.revoking) ? {} : { rv: encodePartitions(member.revoking), rb: member.revokeDeadlineMs }),
    ...(member.isWaiting && { un: 1 }),
    ...(member.isBumpDue && { bd: 1 }),
    ...(member.subscription.regex !== '' && { rx: member.subscription.regex }),
    ...given({ as: member.subscription.assignor, rk: member.rackId }),
    ...(member.joined && {
      j: member.joined.round,
      pr: member.joined.protocols.flatMap(({ name, metadata }) => [name, metadata]),
    }),
  };
}

function given(attributes: Readonly<Record<string, string | undefined>>): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(attributes).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

export function parseMember(item: Item): Member {
  checkVersion(item, 'member');
  const bytes = (name: string) => (item[name] === undefined ? none : decodePartitions(item[name] as Uint8Array));
  return {
    memberId: memberIdOf(item.sk),
    state: states[item.st as StateLetter],
    revision: item.r as number,
    seq: item.sq as number,
    epoch: item.me as number,
    shownEpoch: (item.pe as number | undefined) ?? 0,
    owned: bytes('ow'),
    revoking: bytes('rv'),
    revokeDeadlineMs: (item.rb as number | undefined) ?? 0,
    isWaiting: item.un !== undefined,
    isBumpDue: item.bd !== undefined,
    renewedMs: (item.rn as number | undefined) ?? 0,
    sessionMs: (item.s as number | undefined) ?? 0,
    rebalanceMs: (item.rt as number | undefined) ?? 0,
    subscription: {
      topics: (item.ts as readonly string[] | undefined) ?? [],
      regex: (item.rx as string | undefined) ?? '',
      assignor: item.as as Assignor | undefined,
    },
    instanceId: item.in as string | undefined,
    rackId: item.rk as string | undefined,
    clientId: (item.ci as string | undefined) ?? '',
    host: (item.ho as string | undefined) ?? '',
    ...(item.j !== undefined && { joined: { round: item.j as number, protocols: protocolsOf(item.pr as Pairs) } }),
  };
}

type Pairs = readonly (string | Uint8Array)[];

const protocolsOf = (pairs: Pairs): Protocol[] =>
  pairs.flatMap((name, index) =>
    index % 2 === 0 ? [{ name: name as string, metadata: pairs[index + 1] as Uint8Array }] : [],
  );

const memberIdOf = (sk: string) => sk.slice(sk.indexOf('/') + 1);
