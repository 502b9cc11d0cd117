// LeaveGroup (13). Members leave, and the others need not wait for their sessions to end.
//
// Versions 0 to 5; from version 3 on several may leave at a time, and a static member may be named by its instance id alone.
import { inParallel } from '../../lib/runtime/concurrency.ts';
import { defineApi, type Gateway } from '../api.ts';
import { code, groupCode } from '../errors.ts';

type Request = {
  readonly groupId: string;
  readonly memberId: string;
  readonly members: readonly Leaver[];
};

type Leaver = { readonly memberId: string; readonly groupInstanceId: string | null };

type Reply = { readonly errorCode: number; readonly members: readonly (Leaver & { readonly errorCode: number })[] };

const firstVersionWithMembers = 3;
/** Each changes the head of the group. */
const membersAtOnce = 1;

export const leaveGroup = defineApi<Request, Reply>({
  key: 13,
  versions: [0, 5],
  overlaps: false,
  async answer(gateway, { groupId, memberId, members }, { version }) {
    if (version < firstVersionWithMembers)
      return { errorCode: await leave(gateway, groupId, { memberId, groupInstanceId: null }), members: [] };
    const left = await inParallel(members, membersAtOnce, async (member) => ({
      ...{ memberId: member.memberId, groupInstanceId: member.groupInstanceId },
      errorCode: await leave(gateway, groupId, member),
    }));
    return { errorCode: code.none, members: left };
  },
});

async function leave({ engine }: Gateway, groupId: string, { memberId, groupInstanceId }: Leaver): Promise<number> {
  if (memberId === '' && groupInstanceId === null) return code.unknownMemberId;
  try {
    await engine.classicGroups.leave({
      ...{ groupId, memberId },
      ...(groupInstanceId !== null && { instanceId: groupInstanceId }),
    });
    return code.none;
  } catch (error) {
    return groupCode(error);
  }
}
