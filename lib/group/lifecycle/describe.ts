// Describes groups for people who look at them. A member whose session is over is left out, even if no process has
// closed it yet.

import type { GroupDescription, GroupState, GroupSummary, MemberDescription, PartitionLag } from '../../api/groups.ts';
import { inParallel } from '../../runtime/concurrency.ts';
import { groupIdOf, groupListingKey, groupsPartition } from '../../storage/keys.ts';
import { type GroupContext, unknownGroup } from '../context.ts';
import type { GroupHead, HeadSubscription, Phase } from '../items/head.ts';
import { isPresent, type Member, targetKeyOf } from '../items/member.ts';
import { readGroup } from '../items/members.ts';
import { type InstalledTarget, readTarget } from '../items/target.ts';
import { checkGroupId } from '../names.ts';
import { lagOf } from '../offsets/lag.ts';
import { isEmpty, type Partitions, setOf } from '../partition-set.ts';

const groupsAtOnce = 16;

export async function listGroups(
  context: GroupContext,
  { limit = 100, after }: { limit?: number; after?: string },
): Promise<{ groups: GroupSummary[]; more: boolean }> {
  const page = await context.table.query({
    pk: groupsPartition,
    limit,
    strong: true,
    ...(after !== undefined && { after: groupListingKey(after).sk }),
  });
  const groups = await inParallel(page.items, groupsAtOnce, async (item) => {
    const groupId = groupIdOf(item);
    const { head, living } = await lookAt(context, groupId);
    if (!head) return undefined;
    return { groupId, state: stateOf(head, living), members: living.length, ...typeOf(head) };
  });
  const living = groups.filter((group) => group !== undefined);
  // The caller goes on behind the last group of a page, so a page that more pages follow must not be empty.
  if (living.length === 0 && page.more) return listGroups(context, { limit, after: groupIdOf(page.items.at(-1)!) });
  return { groups: living, more: page.more };
}

export async function describeGroup(context: GroupContext, groupId: string): Promise<GroupDescription> {
  checkGroupId(groupId);
  const { head, living } = await lookAt(context, groupId);
  if (!head) throw unknownGroup(groupId);
  const target = (await readTarget(context.table, groupId, head)) ?? new Map();
  const isThere = new Set(living.map(({ memberId }) => memberId));
  const partitionDetails = (await lagOf(context, groupId)).map(({ memberId, ...row }) =>
    memberId !== undefined && isThere.has(memberId) ? { ...row, memberId } : row,
  );
  return {
    groupId,
    state: stateOf(head, living),
    members: living.length,
    ...typeOf(head),
    assignor: head.assignor,
    groupEpoch: head.groupEpoch,
    assignmentEpoch: head.assignmentEpoch,
    memberDetails: living.map((member) => {
      const description = describeMember(member, target, context.clock.now());
      if (!member.joined) return description;
      const owned = ownedBy(member, partitionDetails);
      return { ...description, assignment: owned, targetAssignment: owned };
    }),
    partitionDetails,
    ...(head.subscription && { subscription: subscriptionOf(head.subscription) }),
  };
}

const subscriptionOf = ({ state, pausedReason }: HeadSubscription) => ({
  state,
  ...(pausedReason !== undefined && { pausedReason }),
});

/** The head is undefined if there is no such group, or if it was deleted. */
async function lookAt({ table, clock }: GroupContext, groupId: string) {
  const { head, members } = await readGroup(table, groupId);
  const living = members.filter((member) => isPresent(member, clock.now()));
  return { head: head?.isDeleted ? undefined : head, living };
}

const typeOf = ({ classic }: GroupHead) => classic && { protocolType: classic.protocolType };

const classicStates: Record<Phase, GroupState> = {
  empty: 'Assigning',
  preparing: 'Assigning',
  completing: 'Reconciling',
  fencing: 'Reconciling',
  stable: 'Stable',
};

function stateOf(head: GroupHead, living: readonly Member[]): GroupState {
  if (head.subscription) return head.subscription.state === 'Enabled' ? 'Stable' : 'Empty';
  if (living.length === 0) return 'Empty';
  if (head.classic) return classicStates[head.classic.phase];
  if (head.groupEpoch > head.assignmentEpoch) return 'Assigning';
  const isSettled = living.every(
    (member) => member.epoch === head.assignmentEpoch && !member.isWaiting && isEmpty(member.revoking),
  );
  return isSettled ? 'Stable' : 'Reconciling';
}

/** The item of a member of the classic protocol lists no partitions. */
const ownedBy = ({ memberId }: Member, rows: readonly PartitionLag[]): Partitions =>
  setOf(rows.filter((row) => row.memberId === memberId).map((row) => ({ ...row, partitions: [row.partition] })));

function describeMember(member: Member, target: InstalledTarget, nowMs: number): MemberDescription {
  const { memberId, instanceId, rackId, clientId, host, subscription, sessionMs } = member;
  return {
    memberId,
    clientId,
    host,
    memberEpoch: member.epoch,
    subscribedTopicNames: subscription.topics,
    sessionTimeoutMs: sessionMs,
    renewedAgoMs: Math.max(0, nowMs - member.renewedMs),
    assignment: member.owned,
    targetAssignment: target.get(targetKeyOf(member)) ?? [],
    revoking: member.revoking,
    ...(instanceId !== undefined && { instanceId }),
    ...(rackId !== undefined && { rackId }),
    ...(subscription.regex !== '' && { subscribedTopicRegex: subscription.regex }),
  };
}
