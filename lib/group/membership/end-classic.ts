// A group changes from the classic protocol to heartbeats (KIP-848) when the first member joins by heartbeat, and no member
// of the classic protocol is left. The two kinds of members never share a group.
import { refused } from '../../api/refusal.ts';
import type { GroupContext } from '../context.ts';
import { leaveClassic } from '../items/classic-heads.ts';
import type { GroupHead } from '../items/head.ts';
import { closed, isExpired, isLiving, type Member } from '../items/member.ts';
import { putMember, readMembers } from '../items/members.ts';

/**
 * The head was read before the members: a round that begins meanwhile changes it, and this change is then refused. The
 * joining member is stored already. If it is refused it is closed, so that nobody waits for it.
 */
export async function endClassic(
  context: GroupContext,
  groupId: string,
  head: GroupHead,
  memberId: string,
): Promise<void> {
  const members = await readMembers(context.table, groupId);
  const others = members.filter((member) => member.joined && isLiving(member) && member.memberId !== memberId);
  const now = context.clock.now();
  const dead = others.filter((member) => isExpired(member, now));
  if (others.length > dead.length) {
    await closeAll(
      context,
      groupId,
      members.filter((member) => member.memberId === memberId),
    );
    throw refused(
      'GROUP_ID_NOT_FOUND',
      `group ${groupId} has members of Kafka's classic protocol: stop them first, or take another group id`,
    );
  }
  await closeAll(context, groupId, dead);
  await leaveClassic(context, groupId, head);
}

async function closeAll(context: GroupContext, groupId: string, members: readonly Member[]): Promise<void> {
  for (const member of members) await putMember(context, groupId, member, closed(member));
}
