// The table of the classic protocol: what a request does next, by the phase of the group (docs/PROTOCOL.md). It is pure:
// the callers read the group, and write what is decided here.
import type { Generation } from '../../api/classic-groups.ts';
import type { RivuletError } from '../../api/errors.ts';
import { limits } from '../../api/limits.ts';
import { refused } from '../../api/refusal.ts';
import { delivered } from '../context.ts';
import type { ClassicState, GroupHead } from '../items/head.ts';
import { clockSkewMs, isExpired, isLiving, isPresent, type Member, type Protocol } from '../items/member.ts';
import { type ClassicMember, illegalGeneration, isClassic, rebalancing, type Sight, unknownMember } from './context.ts';
import { type Predecessor, predecessorOf, refusalOfInstance } from './static.ts';

export type Candidate = {
  readonly groupId: string;
  readonly memberId: string;
  readonly instanceId: string | undefined;
  readonly protocolType: string;
  readonly protocols: readonly Protocol[];
  /** Its id was made so lately that it may join without being stored. */
  readonly isFresh: boolean;
  /** The round that this very request has joined. */
  readonly entered: number;
  /** The request came so lately that the first round of a group is not completed for it: others may be about to join. */
  readonly isEarly: boolean;
};

export type JoinStep =
  | { readonly kind: 'refuse'; readonly error: RivuletError }
  /** There is no such group yet. */
  | { readonly kind: 'make' }
  | { readonly kind: 'open'; readonly head: GroupHead }
  /** Joins the round, or renews the lease. A static member that joins for the first time has a predecessor. */
  | {
      readonly kind: 'enter';
      readonly round: number;
      readonly before: Member | undefined;
      readonly predecessor: Predecessor | undefined;
    }
  /** A static member takes the place of another without a round. */
  | { readonly kind: 'inherit'; readonly state: ClassicState; readonly holder: Member }
  | { readonly kind: 'close'; readonly members: readonly Member[] }
  | { readonly kind: 'complete'; readonly state: ClassicState; readonly joined: readonly ClassicMember[] }
  | { readonly kind: 'answer'; readonly head: GroupHead; readonly state: ClassicState }
  | { readonly kind: 'wait' };

const wait = { kind: 'wait' } as const;

export function joinStep(sight: Sight, candidate: Candidate, nowMs: number): JoinStep {
  const { head, members } = sight;
  if (!head) return { kind: 'make' };
  const me = members.find(({ memberId }) => memberId === candidate.memberId);
  const { instanceId } = candidate;
  const predecessor = me || instanceId === undefined ? undefined : predecessorOf(sight, instanceId);
  const others = members.filter((member) => member !== me && member !== predecessor?.holder);
  const fenced = candidate.isFresh && !me ? undefined : refusalOfInstance(sight, candidate);
  const refusal = fenced ?? whyNotAdmitted(head, me, others, candidate, nowMs);
  if (refusal) return { kind: 'refuse', error: refusal };
  if (!head.classic) return beginClassic(head, others, nowMs);
  const { phase, round, generation, leader } = head.classic;
  if (phase === 'empty') return { kind: 'open', head };
  if (phase === 'preparing') return prepare(head, head.classic, { me, predecessor, others }, candidate, nowMs);
  const holder = predecessor?.holder;
  if (holder && mayInherit(head.classic, holder, candidate)) return { kind: 'inherit', state: head.classic, holder };
  const isGeneration = me?.joined?.round === generation;
  const isAnswer = isGeneration && candidate.entered === round;
  const mayStay = phase !== 'stable' || leader !== candidate.memberId;
  const isRepeat = isGeneration && mayStay && saysTheSame(me, candidate);
  return isAnswer || isRepeat ? { kind: 'answer', head, state: head.classic } : { kind: 'open', head };
}

function whyNotAdmitted(
  head: GroupHead,
  me: Member | undefined,
  others: readonly Member[],
  candidate: Candidate,
  nowMs: number,
): RivuletError | undefined {
  const { groupId, memberId, protocolType } = candidate;
  if (head.subscription) return delivered(groupId, 'INCONSISTENT_GROUP_PROTOCOL');
  if (me ? !isLiving(me) : !candidate.isFresh) return unknownMember(memberId);
  const present = others.filter((other) => isPresent(other, nowMs));
  if (!head.classic)
    return present.length > 0 || me
      ? refused('INCONSISTENT_GROUP_PROTOCOL', `group ${groupId} has members of the protocol of heartbeats (KIP-848)`)
      : undefined;
  const peers = present.filter(isClassic);
  if (peers.length === 0) return undefined;
  if (!me && peers.length >= limits.classicGroupMembers)
    return refused(
      'GROUP_MAX_SIZE_REACHED',
      `group ${groupId} has ${peers.length} members, and the limit of the classic protocol is ${limits.classicGroupMembers}`,
    );
  if (head.classic.protocolType !== protocolType)
    return refused(
      'INCONSISTENT_GROUP_PROTOCOL',
      `protocol type: expected ${head.classic.protocolType} as the members of group ${groupId} have, got ${protocolType}`,
    );
  const shared = commonProtocols([...peers.map(({ joined }) => joined.protocols), candidate.protocols]);
  return shared.length > 0
    ? undefined
    : refused('INCONSISTENT_GROUP_PROTOCOL', `protocols: expected one that all members of group ${groupId} have`);
}

/** The others need not join again if their generation stays what it is. */
const mayInherit = ({ phase, generation, protocolType }: ClassicState, holder: Member, candidate: Candidate): boolean =>
  phase === 'stable' &&
  isLiving(holder) &&
  holder.joined?.round === generation &&
  protocolType === candidate.protocolType &&
  saysTheSame(holder, candidate);

/** The members of the other protocol have gone: the dead are closed before their group changes its protocol. */
function beginClassic(head: GroupHead, others: readonly Member[], nowMs: number): JoinStep {
  const dead = others.filter((other) => isExpired(other, nowMs));
  return dead.length > 0 ? { kind: 'close', members: dead } : { kind: 'open', head };
}

type Members = {
  readonly me: Member | undefined;
  readonly predecessor: Predecessor | undefined;
  readonly others: readonly Member[];
};

function prepare(
  head: GroupHead,
  state: ClassicState,
  { me, predecessor, others }: Members,
  candidate: Candidate,
  nowMs: number,
): JoinStep {
  const isOvertaken = head.groupEpoch > state.round;
  if (isOvertaken) return { kind: 'open', head };
  const enter: JoinStep = { kind: 'enter', round: state.round, before: me, predecessor };
  if (!me || !isClassic(me) || me.joined.round !== state.round || !saysTheSame(me, candidate)) return enter;
  const living = others.filter((other) => isClassic(other) && isLiving(other)) as ClassicMember[];
  if (wasHeldUp(me, nowMs)) return enter;
  const isLate = ({ joined }: ClassicMember) => joined.round !== state.round;
  const isOver = nowMs > state.deadlineMs;
  const lost = living.filter((other) => isExpired(other, nowMs) || (isOver && isLate(other)));
  if (lost.length > 0) return { kind: 'close', members: lost };
  const isFirstRound = state.leader === undefined;
  const mustWait = living.some(isLate) || (isFirstRound && candidate.isEarly);
  if (mustWait) return isRenewalDue(me, nowMs) ? enter : wait;
  const joined = [me, ...living];
  const misfits = misfitsOf(joined, state.leader);
  return misfits.length > 0 ? { kind: 'close', members: misfits } : { kind: 'complete', state, joined };
}

/** Two first members may join at the same time without a protocol in common: those that do not fit the leader must go. */
function misfitsOf(joined: readonly ClassicMember[], last: string | undefined): ClassicMember[] {
  if (commonProtocols(joined.map((member) => member.joined.protocols)).length > 0) return [];
  const leader = joined.find(({ memberId }) => memberId === leaderOf(joined, last))!;
  const name = leader.joined.protocols[0]!.name;
  return joined.filter((member) => !member.joined.protocols.some((protocol) => protocol.name === name));
}

/** A lease is renewed when a third of the session is over. */
export const isRenewalDue = ({ renewedMs, sessionMs }: Member, nowMs: number): boolean =>
  nowMs - renewedMs > sessionMs / 3 || renewedMs > nowMs + clockSkewMs;

/**
 * A member whose own lease has become so old was held up, by its process, its network or the table. The others may have been held
 * up with it. So it renews its lease first, and lets them do the same, before it takes one of them for dead.
 */
export const wasHeldUp = ({ renewedMs, sessionMs }: Member, nowMs: number): boolean =>
  nowMs - renewedMs > (2 * sessionMs) / 3;

function saysTheSame({ joined }: Member, { protocols }: Candidate): boolean {
  if (joined?.protocols.length !== protocols.length) return false;
  return protocols.every(({ name, metadata }, index) => {
    const known = joined.protocols[index]!;
    return known.name === name && Buffer.compare(known.metadata, metadata) === 0;
  });
}

/** The last leader stays, if it has joined. */
export function leaderOf(joined: readonly ClassicMember[], last: string | undefined): string {
  const ids = joined.map(({ memberId }) => memberId).sort();
  return last !== undefined && ids.includes(last) ? last : ids[0]!;
}

const commonProtocols = (lists: readonly (readonly Protocol[])[]): string[] =>
  lists[0]!.map(({ name }) => name).filter((name) => lists.every((list) => list.some((each) => each.name === name)));

/** The one that most members like best, of those that all have. */
export function protocolOf(joined: readonly ClassicMember[]): string {
  const shared = commonProtocols(joined.map((member) => member.joined.protocols));
  const votes = joined.map((member) => member.joined.protocols.find(({ name }) => shared.includes(name))!.name);
  const votesFor = (name: string) => votes.filter((vote) => vote === name).length;
  return shared.reduce((best, name) => (votesFor(name) > votesFor(best) ? name : best));
}

// --- members of a generation

/** Why a request of a member of `generation` is refused; undefined if that generation is the group's, beyond its round. */
export function refusalOf(sight: Sight, request: Generation): RivuletError | undefined {
  const { groupId, memberId, generation } = request;
  const refusal = refusalBesideRounds(sight, request);
  if (refusal) return refusal;
  const state = sight.head!.classic!;
  if (state.phase === 'preparing') return rebalancing(groupId);
  const me = sight.members.find((member) => member.memberId === memberId)!;
  return me.joined?.round === generation ? undefined : illegalGeneration(generation, state);
}

/**
 * Why a member may not commit a partition of another member, or of none. It may while a round is prepared: a member of a
 * cooperative group commits what it has to let go of, and another one may join again meanwhile.
 */
export function refusalOfCommit(sight: Sight, request: Generation): RivuletError | undefined {
  const phase = sight.head?.classic?.phase;
  if (phase === 'preparing') return refusalBesideRounds(sight, request);
  return refusalOf(sight, request) ?? (phase === 'completing' ? rebalancing(request.groupId) : undefined);
}

function refusalBesideRounds(sight: Sight, { memberId, instanceId, generation }: Generation): RivuletError | undefined {
  const fenced = refusalOfInstance(sight, { memberId, instanceId });
  if (fenced) return fenced;
  const { head, members } = sight;
  const me = members.find((member) => member.memberId === memberId);
  const state = head?.classic;
  if (!state || !me || !isLiving(me) || state.phase === 'empty') return unknownMember(memberId);
  return generation === state.generation ? undefined : illegalGeneration(generation, state);
}

/** The members of the generation whose session is over, though no process has closed them yet. */
export const deadOf = ({ members }: Sight, nowMs: number): Member[] =>
  members.filter((member) => isClassic(member) && isExpired(member, nowMs));

/** Tells whether a member of the generation has left it, so that the others must join a new round. */
export const hasGone = ({ members }: Sight, { generation }: ClassicState): boolean =>
  members.some((member) => member.joined?.round === generation && !isLiving(member));
