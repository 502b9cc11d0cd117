// Deletes and resets committed offsets, which is an operator's work. No member may own what is changed. No commit or
// claim that is still on its way may undo the change, so each changed ownership gets the epoch of the group, which is
// raised first if the group has no members.

import { RivuletError } from '../../api/errors.ts';
import type {
  DeleteOffsetsRequest,
  PartitionResult,
  PerPartitionReply,
  ResetOffsetsReply,
  ResetOffsetsRequest,
  ResetTarget,
} from '../../api/groups.ts';
import { limits } from '../../api/limits.ts';
import { refused } from '../../api/refusal.ts';
import { offsets } from '../../log/offsets.ts';
import { newUnpackBudget, type UnpackBudget } from '../../record/unpack.ts';
import { inParallel } from '../../runtime/concurrency.ts';
import type { Condition } from '../../storage/table.ts';
import { allPartitions, unknownPartition } from '../../topic/partitions.ts';
import type { Topic } from '../../topic/topics.ts';
import { closeTheDead } from '../assignment/compute.ts';
import { topicIdsOf } from '../assignment/subscription.ts';
import { beingChanged, delivered, type GroupContext, nonEmpty, unknownGroup } from '../context.ts';
import type { GroupHead } from '../items/head.ts';
import { bump, hasNoSubscription, isSameLife, openHead, readHead, subscriptionAsSeen } from '../items/heads.ts';
import { isLiving, isOver, type Member } from '../items/member.ts';
import { readMembers } from '../items/members.ts';
import { type Change, clearOffset, freeAt, inTerm, isAtWork, isRun, setOffset } from '../items/ownership.ts';
import { type Entry, type Rules, writeOwnership } from '../items/write-ownership.ts';
import { checkGroupId } from '../names.ts';
import { checkNamedOnce, type ResolvedTopic, resolveAnew } from '../topics.ts';
import { committedAt, committedIn } from './fetch-offsets.ts';

// --- delete

export async function deleteOffsets(context: GroupContext, request: DeleteOffsetsRequest): Promise<PerPartitionReply> {
  const { groupId } = request;
  checkGroupId(groupId);
  checkNamedOnce(request.topics);
  const head = await readHead(context.table, groupId);
  if (!head) throw unknownGroup(groupId);
  if (head.subscription) throw delivered(groupId);
  const living = (await closeTheDead(context, groupId)).filter(isLiving);
  const topics = await resolveAnew(context.topics, request.topics);
  const raised = living.length > 0 ? head : await bumped(context, groupId, hasNoSubscription);
  const replies = await inParallel(topics, 4, async (topic, index) => {
    const { topic: name, partitions: named } = request.topics[index]!;
    const partitions = named && [...new Set(named)];
    const error = topic instanceof RivuletError ? topic : subscribed(groupId, living, topic);
    if (error && !partitions) throw error;
    if (topic instanceof RivuletError || error)
      return { topic: name, partitions: (partitions ?? []).map((partition) => ({ partition, error: error! })) };
    const wanted = partitions ?? (await committedIn(context, groupId, topic)).map(({ partition }) => partition);
    const results = await deleteSome(context, groupId, topic, wanted, raised);
    return { topic: name, topicId: topic.topicId, partitions: results };
  });
  return { topics: replies };
}

function subscribed(groupId: string, members: readonly Member[], topic: Topic): RivuletError | undefined {
  const reader = members.find(({ subscription }) => topicIdsOf(subscription, [topic]).length > 0);
  return (
    reader &&
    refused(
      'GROUP_SUBSCRIBED_TO_TOPIC',
      `member ${reader.memberId} of group ${groupId} is subscribed to ${topic.topic}`,
    )
  );
}

async function deleteSome(
  context: GroupContext,
  groupId: string,
  topic: Topic,
  partitions: readonly number[],
  head: GroupHead,
): Promise<PartitionResult[]> {
  const errors = new Map(partitions.map((partition) => [partition, unknownPartition(topic, partition, 'not-written')]));
  const entries = partitions
    .filter((partition) => !errors.get(partition))
    .map((partition) => ({ topic: topic.topic, topicId: topic.topicId, partition }));
  const rules = await ownerlessRules(context, groupId, head, (entry: Entry) => clearOffset(entry.partition));
  for (const [entry, error] of await writeOwnership(context, groupId, entries, rules))
    errors.set(entry.partition, error);
  return partitions.map((partition) => {
    const error = errors.get(partition);
    return error ? { partition, error } : { partition };
  });
}

/** Every member that joins from now on gets a greater epoch than the one that is written into the ownerships. */
async function bumped(context: GroupContext, groupId: string, ...also: readonly Condition[]): Promise<GroupHead> {
  await openHead(context, groupId);
  const head = await bump(context, groupId, ...also);
  if (!head) throw beingChanged(groupId);
  return head;
}

/**
 * Changes ownerships whose terms are over, and puts the epoch of the head into them. The table then refuses commits and
 * claims from before for ever.
 */
async function ownerlessRules<E extends Entry>(
  context: GroupContext,
  groupId: string,
  head: GroupHead,
  change: (entry: E) => Change,
): Promise<Rules<E>> {
  const { clock } = context;
  const epoch = head.groupEpoch;
  const members = new Map((await readMembers(context.table, groupId)).map((member) => [member.memberId, member]));
  return {
    readsFirst: true,
    ifNew: isSameLife(head),
    judge: ({ topicId, partition }, ownership) => {
      const { owner, term } = ownership;
      if (term > epoch) return nonEmpty(groupId);
      // A run that waits for the next attempt has ended, and the one that follows it begins at the new offset.
      if (isRun(owner)) return isAtWork(ownership, clock.now()) ? atWork(groupId, partition) : 'write';
      return owner === undefined || isOver(members.get(owner), term, topicId, partition) ? 'write' : nonEmpty(groupId);
    },
    condition: ({ partition }, ownership) => inTerm(partition, ownership!),
    change: (entry) => {
      const free = freeAt(entry.partition, epoch);
      const changed = change(entry);
      return { set: [...free.set, ...changed.set], remove: [...free.remove, ...changed.remove] };
    },
  };
}

// --- reset

type ResetEntry = Entry & { readonly previousOffset: number; readonly offset: number };

export async function resetOffsets(context: GroupContext, request: ResetOffsetsRequest): Promise<ResetOffsetsReply> {
  const { groupId } = request;
  checkGroupId(groupId);
  checkNamedOnce(request.topics);
  if ((await closeTheDead(context, groupId)).some(isLiving)) throw nonEmpty(groupId);
  const isStillPaused = await checkPaused(context, groupId);
  const topics = await resolveAnew(context.topics, request.topics);
  const named = topics.map((topic, index) => partitionsToReset(topic, request.topics[index]!));
  checkCount(named.reduce((sum, { partitions }) => sum + partitions.length, 0));
  const budget = newUnpackBudget();
  const planned = await inParallel(named, 4, ({ topic, partitions }, index) =>
    planReset(context, groupId, topic, partitions, request.topics[index]!.target, budget),
  );
  const errors = request.dryRun
    ? new Map<ResetEntry, RivuletError>()
    : await applyReset(context, groupId, planned.flat(), isStillPaused);
  const replies = planned.map((entries, index) => {
    const { topic, topicId } = topics[index] as Topic;
    const results = entries.map((entry) => {
      const { partition, previousOffset, offset } = entry;
      const error = errors.get(entry);
      return error ? { partition, error } : { partition, previousOffset, offset };
    });
    return { topic, topicId, partitions: results };
  });
  return { topics: replies };
}

/**
 * A run that is at work would deliver on from the old offset. The result is for the first write: a reset that sleeps must not
 * act on a subscription that is active by then, because nothing would deliver the records again.
 */
async function checkPaused({ table }: GroupContext, groupId: string): Promise<Condition> {
  const subscription = (await readHead(table, groupId))?.subscription;
  const isPaused = !subscription || subscription.state === 'Paused';
  if (!isPaused)
    throw refused('NON_EMPTY_GROUP', `the subscription of group ${groupId} is ${subscription.state}: pause it first`);
  return subscription ? subscriptionAsSeen(subscription) : hasNoSubscription;
}

const atWork = (groupId: string, partition: number) =>
  refused(
    'NON_EMPTY_GROUP',
    `a delivery of the subscription of group ${groupId} is still at work in partition ${partition}: reset the offsets when it has ended`,
  );

type NamedReset = ResetOffsetsRequest['topics'][number];

function partitionsToReset(topic: ResolvedTopic, { partitions, target }: NamedReset) {
  if (topic instanceof RivuletError) throw topic;
  return { topic, partitions: [...new Set(partitionsOf(target) ?? partitions ?? allPartitions(topic))] };
}

function checkCount(partitions: number): void {
  if (partitions > limits.groupPartitions)
    throw refused(
      'INVALID_REQUEST',
      `topics: ${partitions} partitions in one reset, above the limit of ${limits.groupPartitions} (groupPartitions)`,
    );
}

const partitionsOf = (target: ResetTarget) =>
  target.to === 'offsets' ? target.offsets.map(({ partition }) => partition) : undefined;

async function applyReset(
  context: GroupContext,
  groupId: string,
  entries: readonly ResetEntry[],
  isStillPaused: Condition,
) {
  const head = await bumped(context, groupId, isStillPaused);
  const committedMs = context.clock.now();
  const rules = await ownerlessRules(context, groupId, head, ({ partition, offset }: ResetEntry) =>
    setOffset(partition, { offset, committedMs }),
  );
  return writeOwnership(context, groupId, entries, rules);
}

async function planReset(
  context: GroupContext,
  groupId: string,
  topic: Topic,
  partitions: readonly number[],
  target: ResetTarget,
  budget: UnpackBudget,
): Promise<ResetEntry[]> {
  const { topic: name, topicId } = topic;
  const wrong = partitions.map((partition) => unknownPartition(topic, partition, 'not-written')).find((error) => error);
  if (wrong) throw wrong;
  const at = async (when: 'earliest' | 'latest' | number) =>
    (await offsets(context.log, { topic: name, topicId, at: when, partitions, budget })).partitions.map(
      ({ offset }) => offset,
    );
  const [earliest, latest] = await Promise.all([at('earliest'), at('latest')]);
  const timed = target.to === 'datetime' ? await at(target.timestampMs) : [];
  const own = new Map(target.to === 'offsets' ? target.offsets.map((one) => [one.partition, one.offset]) : []);
  const committed = await committedAt(context, groupId, topic, partitions);
  return partitions.map((partition, index) => {
    const found = committed[index]!;
    const previousOffset = 'offset' in found ? found.offset : -1;
    if (target.to === 'shift' && previousOffset === -1) throw nothingToShift(groupId, name, partition);
    const range = { earliest: earliest[index]!, latest: latest[index]! };
    const wanted = target.to === 'offsets' ? { to: 'offset' as const, offset: own.get(partition)! } : target;
    const offset = resetTo(wanted, previousOffset, range, timed[index] ?? -1);
    return { topic: name, topicId, partition, previousOffset, offset };
  });
}

const nothingToShift = (groupId: string, topic: string, partition: number) =>
  refused(
    'INVALID_REQUEST',
    `group ${groupId} has committed no offset of ${topic} partition ${partition}: there is nothing to shift from`,
  );

/** An offset beyond the log becomes its start or its end, as in Kafka's tool. */
function resetTo(
  target: Exclude<ResetTarget, { to: 'offsets' }>,
  previous: number,
  { earliest, latest }: { earliest: number; latest: number },
  timed: number,
): number {
  const within = (offset: number) => Math.min(latest, Math.max(earliest, offset));
  if (target.to === 'earliest') return earliest;
  if (target.to === 'offset') return within(target.offset);
  if (target.to === 'datetime') return timed === -1 ? latest : timed;
  if (target.to === 'latest' || previous === -1) return latest;
  return target.to === 'shift' ? within(previous + target.by) : previous;
}
