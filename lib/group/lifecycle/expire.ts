// Removes what time has made needless. These functions close dead members where no heartbeat arrives. They remove
// offsets that no member has needed for the retention time, and groups that have nothing left. Maintenance calls them;
// every step may run twice, or in two processes at the same time.

import { type ErrorCode, RivuletError } from '../../api/errors.ts';
import { groupIdOf, groupPartition, groupsPartition, lastMemberKey, memberPrefix } from '../../storage/keys.ts';
import { readAll } from '../../storage/read-all.ts';
import { all, equals, type Item } from '../../storage/table.ts';
import type { Topics } from '../../topic/topics.ts';
import { closeTheDead, computeTarget, topicsChanged } from '../assignment/compute.ts';
import { beingChanged, delivered, type GroupContext, nonEmpty, unknownGroup } from '../context.ts';
import { emptyGroup } from '../items/classic-heads.ts';
import type { GroupHead } from '../items/head.ts';
import { bump, markDeleted, markExpiring, readAnyHead, unlist } from '../items/heads.ts';
import { isExpired, isLiving } from '../items/member.ts';
import { readGroup, readMembers } from '../items/members.ts';
import { clearOffset, inTerm, sameOffset, topicIdOf, topicNameOf } from '../items/ownership.ts';
import { readOffsetsItems, readOwnership, type StoredOwnership } from '../items/read-ownership.ts';
import { removeOffsets, removeTargets, sweepGroup } from '../items/sweep.ts';
import { type Rules, writeOwnership } from '../items/write-ownership.ts';
import { checkGroupId } from '../names.ts';
import { resolveEach } from '../topics.ts';

/**
 * Refused while the group has members. After a crash midway the group counts as deleted. Its leftovers are removed
 * before it can be re-created.
 */
export async function deleteGroup(context: GroupContext, groupId: string): Promise<void> {
  checkGroupId(groupId);
  await closeTheDead(context, groupId);
  const head = await readAnyHead(context.table, groupId);
  // An earlier deletion may have died midway. This one completes it.
  if (head?.isDeleted) await clearAway(context, groupId, head.groupEpoch);
  if (!head || head.isDeleted) throw unknownGroup(groupId);
  if (head.subscription) throw delivered(groupId);
  if ((await readMembers(context.table, groupId)).some(isLiving)) throw nonEmpty(groupId);
  // This requires the epoch from before the members were read, so it fails if a member has joined since.
  if (!(await markDeleted(context, groupId, head, 'asked'))) throw beingChanged(groupId);
  await clearAway(context, groupId, head.groupEpoch + 1);
}

async function clearAway(context: GroupContext, groupId: string, groupEpoch: number): Promise<void> {
  await sweepGroup(context, groupId, groupEpoch);
  await unlist(context, groupId, groupEpoch);
}

const hourMs = 3_600_000;
/** Starts that lie this part of a circle apart, one after the other, spread evenly however many there are. */
const goldenSection = (Math.sqrt(5) - 1) / 2;

/**
 * Returns all groups, including those that are being deleted. Each hour the list begins elsewhere. A process that gets
 * through a part of the groups in an hour has been through all of them after twice as many hours as there are such
 * parts, and need not remember anything.
 */
export async function groupsInTurn({ table, clock }: GroupContext): Promise<string[]> {
  const groupIds = (await readAll(table, { pk: groupsPartition, strong: true })).map(groupIdOf);
  const turn = (Math.floor(clock.now() / hourMs) * goldenSection) % 1;
  const first = Math.floor(turn * groupIds.length);
  return [...groupIds.slice(first), ...groupIds.slice(0, first)];
}

export type Expired = { readonly offsets: number; readonly isGone: boolean };

const isOfOneGroup: ReadonlySet<ErrorCode> = new Set(['COORDINATOR_LOAD_IN_PROGRESS', 'GROUP_MAX_SIZE_REACHED']);
const nothing: Expired = { offsets: 0, isGone: false };

/**
 * A group that is being changed, or that has become too large to be assigned, has its turn another time: the other
 * groups do not wait for it.
 */
export async function expireIfPossible(context: GroupContext, groupId: string, retentionMs: number): Promise<Expired> {
  checkGroupId(groupId);
  try {
    return await expireGroup(context, groupId, retentionMs);
  } catch (error) {
    if (error instanceof RivuletError && isOfOneGroup.has(error.errorCode)) return nothing;
    throw error;
  }
}

async function expireGroup(context: GroupContext, groupId: string, retentionMs: number): Promise<Expired> {
  const found = await readAnyHead(context.table, groupId);
  if (!found) return nothing;
  if (found.isDeleted) {
    await clearAway(context, groupId, found.groupEpoch);
    return { offsets: 0, isGone: true };
  }
  // A subscription has no members, and its offsets are in use however quiet its topic is.
  if (found.subscription) return nothing;
  await removeTombstones(context, groupId);
  await removeTargets(context.table, groupId, (found.classic?.generation ?? found.assignmentEpoch) - 1);
  await removeDeletedTopics(context, groupId);
  const head = await bringUpToDate(context, groupId, found);
  const members = await readMembers(context.table, groupId);
  return members.some(isLiving) ? nothing : expireEmpty(context, groupId, { head, retentionMs });
}

/**
 * A table without a ttl of its own keeps tombstones, and DynamoDB keeps them for days. Heartbeats pay for those that
 * lie between members.
 */
async function removeTombstones({ table, clock }: GroupContext, groupId: string): Promise<void> {
  const range = { pk: groupPartition(groupId), from: memberPrefix, through: lastMemberKey };
  const items = await readAll(table, { ...range, strong: true });
  const isGone = ({ ttl }: Item) => ttl !== undefined && (ttl as number) * 1000 < clock.now();
  for (const { pk, sk, r } of items.filter(isGone))
    await table.write({ kind: 'delete', key: { pk, sk }, if: equals('r', r as number) });
}

/** A topic that was re-created under the same name has another id, so its offsets do not survive. */
async function removeDeletedTopics({ table, topics }: GroupContext, groupId: string): Promise<void> {
  const items = await readOffsetsItems(table, groupId, { strong: true });
  const byTopic = Map.groupBy(items, topicIdOf);
  for (const [topicId, [first, ...rest]] of byTopic)
    if (await isTopicGone(topics, topicId, topicNameOf(first!))) await removeOffsets(table, [first!, ...rest]);
}

async function isTopicGone(topics: Topics, topicId: string, topic: string): Promise<boolean> {
  const [found] = await resolveEach(topics, [{ topic, topicId }]);
  return found instanceof RivuletError;
}

/** Does what the members did for each other as long as they sent heartbeats. */
async function bringUpToDate(context: GroupContext, groupId: string, head: GroupHead): Promise<GroupHead> {
  if (head.classic) return bringClassicUpToDate(context, groupId);
  const members = await readMembers(context.table, groupId);
  const hasDead = members.some((member) => member.state === 'closed' || isExpired(member, context.clock.now()));
  const isStale = hasDead || (members.some(isLiving) && (await topicsChanged(context, groupId, head)));
  const raised = isStale ? ((await bump(context, groupId)) ?? head) : head;
  return raised.groupEpoch > raised.assignmentEpoch ? computeTarget(context, groupId, raised) : raised;
}

/** The members of the classic protocol open a round themselves if one of them is dead; the last one cannot. */
async function bringClassicUpToDate(context: GroupContext, groupId: string): Promise<GroupHead> {
  await closeTheDead(context, groupId);
  const { head, members } = await readGroup(context.table, groupId);
  if (!head?.classic || head.isDeleted) throw beingChanged(groupId);
  if (head.classic.phase !== 'empty' && !members.some(isLiving)) await emptyGroup(context, groupId, head);
  const now = await readAnyHead(context.table, groupId);
  if (!now || now.isDeleted) throw beingChanged(groupId);
  return now;
}

/** This is Kafka's rule: the time runs from the last commit, or from when the last member left, whichever is later. */
async function expireEmpty(
  context: GroupContext,
  groupId: string,
  { head, retentionMs }: { head: GroupHead; retentionMs: number },
): Promise<Expired> {
  const emptySinceMs = head.emptySinceMs ?? head.createdMs;
  const isOld = (sinceMs: number) => context.clock.now() - Math.max(sinceMs, emptySinceMs) > retentionMs;
  const committed = (await readOwnership(context.table, groupId, { strong: true })).filter(
    ({ ownership }) => ownership.offset !== undefined,
  );
  const old = committed.filter(({ ownership }) => isOld(ownership.committedMs));
  // A creation of a subscription that comes after this look begins new terms, in which nothing is cleared.
  const isDelivered = old.length > 0 && (await readAnyHead(context.table, groupId))?.subscription !== undefined;
  if (isDelivered) return nothing;
  await writeOwnership(context, groupId, old, clearingRules);
  const isGone = old.length === committed.length && isOld(0) && (await expireWhole(context, groupId, head));
  return { offsets: old.length, isGone };
}

/**
 * False if a member has joined or a commit has come meanwhile. The second look sees a commit that came before it; a
 * commit that came after it has removed the mark.
 */
async function expireWhole(context: GroupContext, groupId: string, head: GroupHead): Promise<boolean> {
  if (!(await markExpiring(context, groupId, head))) return false;
  const ownerships = await readOwnership(context.table, groupId, { strong: true });
  const hasOffsets = ownerships.some(({ ownership }) => ownership.offset !== undefined);
  if (hasOffsets) return false;
  if (!(await markDeleted(context, groupId, head, 'expired'))) return false;
  await clearAway(context, groupId, head.groupEpoch + 1);
  return true;
}

/**
 * Clears only offsets that are still as they were found when there were no members: a claim or a commit since then
 * keeps the offset.
 */
const clearingRules: Rules<StoredOwnership> = {
  readsFirst: false,
  judge: () => 'done',
  condition: ({ partition, ownership }) => all(inTerm(partition, ownership), sameOffset(partition, ownership)),
  change: ({ partition }) => clearOffset(partition),
};
