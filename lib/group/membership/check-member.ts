// Tells whether a member may read the offsets of its group: one that was fenced must not begin from them.
import { refused } from '../../api/refusal.ts';
import type { GroupContext } from '../context.ts';
import { isLiving } from '../items/member.ts';
import { readMember } from '../items/members.ts';
import { checkGroupId, checkMemberId } from '../names.ts';

export type MemberAtEpoch = { readonly groupId: string; readonly memberId: string; readonly memberEpoch: number };

export async function checkMember({ table }: GroupContext, request: MemberAtEpoch): Promise<void> {
  const { groupId, memberId, memberEpoch } = request;
  checkGroupId(groupId);
  checkMemberId(memberId);
  const member = await readMember(table, groupId, memberId);
  if (!member || !isLiving(member))
    throw refused('UNKNOWN_MEMBER_ID', `there is no member ${memberId}, because it left or its session timed out`);
  // The generation of a member of the classic protocol is checked with its commits.
  const isCurrent = member.joined !== undefined || [member.epoch, member.shownEpoch].includes(memberEpoch);
  if (!isCurrent)
    throw refused(
      'STALE_MEMBER_EPOCH',
      `memberEpoch: expected ${member.epoch} of member ${memberId}, got ${memberEpoch}`,
    );
}
