// Commits offsets. Each offsets item takes one conditional update, which requires the member's own term. No member is
// read unless a commit is refused, and no clock decides: a member that has lost a partition cannot commit it, whatever
// it believes.

import { RivuletError } from '../../api/errors.ts';
import type { CommitOffsetsRequest, PartitionCommit, PartitionResult, PerPartitionReply } from '../../api/groups.ts';
import { limits } from '../../api/limits.ts';
import { invalid, refused } from '../../api/refusal.ts';
import { all, type Check, type Write } from '../../storage/table.ts';
import { unknownPartition } from '../../topic/partitions.ts';
import { closeTheDead } from '../assignment/compute.ts';
import { beingChanged, delivered, type GroupContext } from '../context.ts';
import type { GroupHead } from '../items/head.ts';
import { hasNoSubscription, isSameLife, notExpiring, openHead, readHead, unmarkExpiring } from '../items/heads.ts';
import { isLiving, isOver, type Member } from '../items/member.ts';
import { readMember } from '../items/members.ts';
import {
  commitIsNew,
  endTerm,
  inTerm,
  isRun,
  type Ownership,
  ownedSince,
  sameOffset,
  setOffset,
} from '../items/ownership.ts';
import { type Entry, ownershipWrites, type Rules, type Verdict, writeOwnership } from '../items/write-ownership.ts';
import { checkGroupId, checkMemberId } from '../names.ts';
import { checkNamedOnce, type ResolvedTopic, resolveEach, resolveOwned } from '../topics.ts';

export type CommitEntry = Entry & { readonly commit: PartitionCommit };
/** Commits of both protocols have these in common. */
type Offsets = Pick<CommitOffsetsRequest, 'groupId' | 'topics'>;
type Committer = { readonly memberId: string; readonly epoch: number; readonly seq: number };

export async function commitOffsets(context: GroupContext, request: CommitOffsetsRequest): Promise<PerPartitionReply> {
  const committer = checkCommit(request);
  const topics = await (committer ? resolveOwned : resolveEach)(context.topics, request.topics);
  const { entries, errors } = entriesOf(request, topics);
  const refusals = committer
    ? await writeOwnership(context, request.groupId, entries, memberRules(context, request.groupId, committer))
    : await commitSimply(context, request.groupId, entries);
  for (const [entry, error] of refusals) errors.set(entry.commit, error);
  return replyOf(request, topics, errors);
}

/** The writes of a commit for a transaction that decides it. Throws the error of the first partition that is refused. */
export async function commitWrites(
  context: GroupContext,
  request: CommitOffsetsRequest,
  { byAnyone }: { readonly byAnyone: boolean } = { byAnyone: false },
): Promise<(Write | Check)[]> {
  const committer = checkCommit(request);
  const topics = await (committer ? resolveOwned : resolveEach)(context.topics, request.topics);
  const { entries, errors } = entriesOf(request, topics);
  const [refusal] = errors.values();
  if (refusal) throw refusal;
  const rules = committer
    ? memberRules(context, request.groupId, committer)
    : await rulesInTransaction(context, request.groupId, byAnyone);
  return ownershipWrites(context, request.groupId, entries, rules);
}

/** An expiry that marks the group later finds the offsets. One that has marked it before must begin again. */
async function rulesInTransaction(
  context: GroupContext,
  groupId: string,
  byAnyone: boolean,
): Promise<Rules<CommitEntry>> {
  const head = await openHead(context, groupId);
  if (head.subscription) throw delivered(groupId, 'UNKNOWN_MEMBER_ID');
  if (head.isExpiring && !(await unmarkExpiring(context, groupId))) throw beingChanged(groupId);
  const isLivingOn = all(isSameLife(head), notExpiring, hasNoSubscription);
  const rules = byAnyone ? anyonesRules(context, groupId, head) : await simpleRules(context, groupId, head);
  return { ...rules, ifNew: isLivingOn };
}

/**
 * In a transaction Kafka lets anybody commit, also beside members. The owner keeps its term, unless it is a run of a subscription
 * that was deleted: its late writes would undo the commit, and the metadata would be read as its note.
 */
function anyonesRules({ clock }: GroupContext, groupId: string, head: GroupHead): Rules<CommitEntry> {
  const committedMs = clock.now();
  return {
    readsFirst: true,
    judge: (_entry, { term }) => (term > head.groupEpoch ? beingChanged(groupId) : 'write'),
    condition: ({ partition }, ownership) => inTerm(partition, ownership!),
    change: ({ partition, commit }, ownership) => {
      const { owner } = ownership!;
      return simpleChange(partition, commit, committedMs, { owner: isRun(owner) ? owner : undefined });
    },
  };
}

export function checkCommit(request: CommitOffsetsRequest): Committer | undefined {
  checkOffsets(request);
  const { memberId, memberEpoch: epoch, commitSeq: seq } = request;
  if (memberId === undefined && seq === undefined && (epoch === undefined || epoch === -1)) return undefined;
  if (memberId === undefined || epoch === undefined || seq === undefined)
    throw invalid(
      'memberId, memberEpoch and commitSeq go together: a member sends all three, and any other caller none of them',
    );
  checkMemberId(memberId);
  for (const [name, value] of [
    ['memberEpoch', epoch],
    ['commitSeq', seq],
  ] as const)
    if (!Number.isSafeInteger(value) || value < 0)
      throw invalid(`${name}: expected a whole number of 0 or more, got ${value}`);
  return { memberId, epoch, seq };
}

export function checkOffsets({ groupId, topics }: Offsets): void {
  checkGroupId(groupId);
  const partitions = topics.reduce((sum, topic) => sum + topic.partitions.length, 0);
  if (partitions > limits.commitPartitions)
    throw invalid(`topics: expected at most ${limits.commitPartitions} partitions in one commit, got ${partitions}`);
  checkNamedOnce(topics);
  for (const { topic, partitions } of topics) checkPartitions(topic, partitions);
}

function checkPartitions(topic: string, partitions: readonly PartitionCommit[]): void {
  if (new Set(partitions.map(({ partition }) => partition)).size < partitions.length)
    throw invalid(`topics: expected each partition of ${topic} once in a commit, got one twice`);
  for (const { partition, offset } of partitions)
    if (!Number.isSafeInteger(offset) || offset < 0)
      throw invalid(
        `offset: expected a whole number from 0 to ${limits.maxOffset} for partition ${partition} of ${topic}, got ${offset}`,
      );
}

export function entriesOf({ topics: named }: Offsets, topics: readonly ResolvedTopic[]) {
  const entries: CommitEntry[] = [];
  const errors = new Map<PartitionCommit, RivuletError>();
  for (const [index, { partitions }] of named.entries()) {
    const found = topics[index]!;
    for (const commit of partitions) {
      const error =
        found instanceof RivuletError
          ? found
          : (unknownPartition(found, commit.partition, 'not-written') ?? tooLarge(commit));
      if (error) errors.set(commit, error);
      else if (!(found instanceof RivuletError))
        entries.push({ topic: found.topic, topicId: found.topicId, partition: commit.partition, commit });
    }
  }
  return { entries, errors };
}

/** Refuses the whole request for the first metadata that is too large. */
export function checkMetadata({ topics }: CommitOffsetsRequest): void {
  for (const { partitions } of topics)
    for (const commit of partitions) {
      const refusal = tooLarge(commit);
      if (refusal) throw refusal;
    }
}

function tooLarge({ metadata = '' }: PartitionCommit): RivuletError | undefined {
  const bytes = Buffer.byteLength(metadata);
  if (bytes <= limits.offsetMetadataBytes) return undefined;
  return refused(
    'OFFSET_METADATA_TOO_LARGE',
    `metadata: expected at most ${limits.offsetMetadataBytes} bytes, got ${bytes}`,
  );
}

// --- by a member

/**
 * Commits of a member are numbered, so that one that arrives late or twice changes nothing: it counts as if it had
 * arrived before the newer one.
 */
function memberRules(context: GroupContext, groupId: string, committer: Committer): Rules<CommitEntry> {
  const { memberId, epoch, seq } = committer;
  const committedMs = context.clock.now();
  // The member is read once, however many partitions are refused.
  let reading: Promise<Member | undefined> | undefined;
  return {
    readsFirst: false,
    condition: ({ partition }) => {
      const isOwner = ownedSince(partition, memberId, epoch);
      const isNew = commitIsNew(partition, seq);
      return all(isOwner, isNew);
    },
    change: ({ partition, commit }) => setOffset(partition, { ...commit, committedMs, commitSeq: seq }),
    judge: async (entry, ownership) => {
      if (ownership.owner === memberId && ownership.term <= epoch)
        return ownership.commitSeq !== undefined && ownership.commitSeq >= seq ? 'done' : 'write';
      reading ??= readMember(context.table, groupId, memberId);
      return lost(await reading, committer, entry);
    },
  };
}

function lost(member: Member | undefined, { memberId, epoch }: Committer, entry: Entry): Verdict {
  if (!member || !isLiving(member))
    return refused(
      'UNKNOWN_MEMBER_ID',
      `there is no member ${memberId}, because it left or its session timed out: join again`,
    );
  return refused(
    'STALE_MEMBER_EPOCH',
    `member ${memberId} does not own partition ${entry.partition} of ${entry.topic} at epoch ${epoch}`,
  );
}

// --- without membership: by a simple consumer, or an operator

/**
 * If the group was deleted meanwhile, we cannot tell whether the deletion took the commit with it: the outcome is
 * unknown.
 */
async function commitSimply(context: GroupContext, groupId: string, entries: readonly CommitEntry[]) {
  // A commit of nothing does not create the group, either.
  if (entries.length === 0) return new Map<CommitEntry, RivuletError>();
  const head = await openHead(context, groupId);
  const errors = await writeOwnership(context, groupId, entries, await simpleRules(context, groupId, head));
  const now = await readHead(context.table, groupId);
  const isThere = now?.createdMs === head.createdMs && (!now.isExpiring || (await unmarkExpiring(context, groupId)));
  if (!isThere) throw beingChanged(groupId);
  return errors;
}

async function simpleRules(context: GroupContext, groupId: string, head: GroupHead): Promise<Rules<CommitEntry>> {
  if (head.subscription) throw delivered(groupId, 'UNKNOWN_MEMBER_ID');
  if ((await closeTheDead(context, groupId)).some(isLiving)) throw hasMembers(groupId);
  const committedMs = context.clock.now();
  return {
    readsFirst: true,
    ifNew: all(isSameLife(head), hasNoSubscription),
    judge: async ({ topicId, partition }, ownership) => {
      // The offset was reset since the head was read, or it was buried with the group.
      const isOfLater = ownership.term > head.groupEpoch;
      if (isOfLater) return beingChanged(groupId);
      const owner =
        ownership.owner === undefined ? undefined : await readMember(context.table, groupId, ownership.owner);
      return isOver(owner, ownership.term, topicId, partition) ? 'write' : hasMembers(groupId);
    },
    condition: ({ partition }, ownership) => {
      const isSameTerm = inTerm(partition, ownership!);
      // This commit has no number, so it requires the offset that was read: a delayed duplicate must not undo a newer
      // commit.
      const isSameOffset = sameOffset(partition, ownership!);
      return all(isSameTerm, isSameOffset);
    },
    // The term that is over loses its owner: otherwise that member could commit until another member claims the
    // partition.
    change: ({ partition, commit }, ownership) => simpleChange(partition, commit, committedMs, ownership!),
  };
}

function simpleChange(
  partition: number,
  commit: PartitionCommit,
  committedMs: number,
  { owner }: Pick<Ownership, 'owner'>,
) {
  const { set, remove } = setOffset(partition, { ...commit, committedMs });
  return { set, remove: [...remove, ...(owner === undefined ? [] : endTerm(partition).remove)] };
}

const hasMembers = (groupId: string) =>
  refused(
    'UNKNOWN_MEMBER_ID',
    `group ${groupId} has members: only they may commit, with memberId, memberEpoch and commitSeq`,
  );

export function replyOf(
  request: Offsets,
  topics: readonly ResolvedTopic[],
  errors: ReadonlyMap<PartitionCommit, RivuletError>,
): PerPartitionReply {
  return {
    topics: request.topics.map(({ topic, partitions }, index) => {
      const found = topics[index]!;
      const results = partitions.map((commit): PartitionResult => {
        const error = errors.get(commit);
        return error ? { partition: commit.partition, error } : { partition: commit.partition };
      });
      return { topic, ...(!(found instanceof RivuletError) && { topicId: found.topicId }), partitions: results };
    }),
  };
}
