// Bounds how large a group may become. The check comes before a member joins or changes its subscription, so that a
// member that asks for too much is refused and the others go on: a group for which no target can be stored would stand
// still.
// The check is soft. If many members join at the same time, some more may come in, and topics grow. The refusal then
// comes when the target is computed.

import { limits } from '../../api/limits.ts';
import { refused } from '../../api/refusal.ts';
import type { GroupContext } from '../context.ts';
import { isPresent, type Member, targetKeyOf } from '../items/member.ts';
import { readMembers } from '../items/members.ts';
import { checkTargetFits } from '../items/target.ts';
import { assignedTo, readTopics } from './compute.ts';

/** Members whose session is over do not count: if all of them died, it is the joining member that will close them. */
export async function checkCapacity(context: GroupContext, groupId: string, member: Member): Promise<void> {
  const key = targetKeyOf(member);
  const others = (await readMembers(context.table, groupId, false)).filter(
    (other) => isPresent(other, context.clock.now()) && targetKeyOf(other) !== key,
  );
  if (others.length >= limits.groupMembers)
    throw refused(
      'GROUP_MAX_SIZE_REACHED',
      `group ${groupId} has ${others.length} members, and the limit is ${limits.groupMembers}`,
    );
  const { topics } = await readTopics(context, [...others, member]);
  const partitions = topics.reduce((sum, topic) => sum + topic.partitions, 0);
  if (partitions > limits.groupPartitions)
    throw refused(
      'INVALID_REQUEST',
      `the subscriptions of group ${groupId} have ${partitions} partitions, above the limit of ${limits.groupPartitions} for a group: subscribe to fewer topics`,
    );
  checkTargetFits(groupId, assignedTo([...others, member], topics, new Map()).target, 'not-written');
}
