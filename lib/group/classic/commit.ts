// OffsetCommit of a member of a generation. The items of the offsets have the terms of the last generation that was
// fenced, and each commit requires the member's own: so a member of an earlier one is refused, however late it comes. A
// member that keeps its membership by heartbeats has terms too, and its epoch is its generation.
//
// A commit has no number. It requires the offset that was read while its client was still there. So neither a copy of the
// write that arrives late nor a request that outlives its connection undoes a newer commit.

import type { ClassicCommit, Generation } from '../../api/classic-groups.ts';
import type { RivuletError } from '../../api/errors.ts';
import type { PerPartitionReply } from '../../api/groups.ts';
import { refused } from '../../api/refusal.ts';
import { all } from '../../storage/table.ts';
import { beingChanged, type GroupContext } from '../context.ts';
import { isGeneration } from '../items/classic-heads.ts';
import { isLiving, type Member } from '../items/member.ts';
import { inTerm, type Ownership, ownedSince, sameOffset, setOffset } from '../items/ownership.ts';
import { type Rules, type Verdict, writeOwnership } from '../items/write-ownership.ts';
import { checkMemberId } from '../names.ts';
import { type CommitEntry, checkOffsets, entriesOf, replyOf } from '../offsets/commit.ts';
import { resolveOwned } from '../topics.ts';
import { type ClassicContext, look, rebalancing, unknownMember } from './context.ts';
import { refusalOfCommit } from './rounds.ts';

export async function commit(context: ClassicContext, request: ClassicCommit): Promise<PerPartitionReply> {
  checkOffsets(request);
  checkMemberId(request.memberId);
  const topics = await resolveOwned(context.topics, request.topics);
  const { entries, errors } = entriesOf(request, topics);
  const refusals = await writeOwnership(context, request.groupId, entries, generationRules(context, request));
  for (const [entry, error] of refusals) errors.set(entry.commit, error);
  return replyOf(request, topics, errors);
}

export function generationRules(
  context: GroupContext,
  request: Generation & Pick<ClassicCommit, 'signal'>,
): Rules<CommitEntry> {
  const { groupId, memberId, generation, signal } = request;
  const committedMs = context.clock.now();
  const isOwner = ({ owner, term }: Ownership) => owner === memberId && term <= generation;
  // The group is read once, however many partitions belong to no member or to another.
  let reading: Promise<RivuletError | undefined> | undefined;
  return {
    readsFirst: true,
    ifNew: isGeneration(generation),
    judge: async ({ commit }, ownership): Promise<Verdict> => {
      const hasGone = signal?.aborted === true;
      if (hasGone) return beingChanged(groupId);
      if (!isOwner(ownership)) {
        reading ??= whyNot(context, request);
        const refusal = await reading;
        if (refusal) return refusal;
        if (ownership.term > generation) return rebalancing(groupId);
      }
      return isCommitted(ownership, commit) ? 'done' : 'write';
    },
    condition: ({ partition }, ownership) => {
      const isInTerm = isOwner(ownership!)
        ? ownedSince(partition, memberId, generation)
        : inTerm(partition, ownership!);
      const isSameOffset = sameOffset(partition, ownership!);
      return all(isInTerm, isSameOffset);
    },
    change: ({ partition, commit }) => setOffset(partition, { ...commit, committedMs }),
  };
}

/** Java's consumers commit every position every five seconds, and most have not moved. */
const isCommitted = (stored: Ownership, { offset, leaderEpoch = -1, metadata = '' }: CommitEntry['commit']): boolean =>
  stored.offset === offset && stored.leaderEpoch === leaderEpoch && stored.metadata === metadata;

/** Kafka lets a member commit what another member, or none, was given: here only after a look at the group. */
async function whyNot(context: GroupContext, request: Generation): Promise<RivuletError | undefined> {
  const sight = await look(context, request.groupId);
  if (!sight.head?.classic) return refusalByEpoch(sight.members, request);
  return refusalOfCommit(sight, request);
}

/** A member that keeps its membership by heartbeats commits only what it owns. */
function refusalByEpoch(members: readonly Member[], { memberId, generation }: Generation): RivuletError {
  const me = members.find((member) => member.memberId === memberId);
  if (!me || !isLiving(me)) return unknownMember(memberId);
  return refused('STALE_MEMBER_EPOCH', `member ${memberId} does not own the partition at epoch ${generation}`);
}
