// Heartbeat and LeaveGroup. A heartbeat keeps the member, and looks after the members that follow it. Mostly it costs half
// a read unit, or one; an error is told only after a strong read.
import type { Generation, LeaveGroupRequest } from '../../api/classic-groups.ts';
import { emptyGroup } from '../items/classic-heads.ts';
import { closed, isExpired, isLiving, next } from '../items/member.ts';
import { putMember, watch } from '../items/members.ts';
import { checkGroupId, checkMemberId } from '../names.ts';
import { type ClassicContext, goThrough, type Sight, unknownMember } from './context.ts';
import { hasGone, isRenewalDue, refusalOf } from './rounds.ts';
import { refusalOfInstance } from './static.ts';
import { reopen, tendGeneration } from './sync.ts';

export async function heartbeat(context: ClassicContext, request: Generation): Promise<void> {
  checkGroupId(request.groupId);
  checkMemberId(request.memberId);
  if (await isWell(context, request)) return;
  const { groupId, memberId } = request;
  await goThrough(context, groupId, undefined, async (sight) => {
    const refusal = refusalOf(sight, request);
    if (refusal?.errorCode !== 'REBALANCE_IN_PROGRESS' && refusal) throw refusal;
    const me = sight.members.find((member) => member.memberId === memberId)!;
    const now = context.clock.now();
    if (isRenewalDue(me, now) && !(await putMember(context, groupId, me, next(me, { renewedMs: now }))))
      return undefined;
    if (refusal) throw refusal;
    // This member's own lease was over: what held it up may have held up the others too. The next heartbeat looks after them.
    if (isExpired(me, now)) return { done: undefined };
    if (await tendGeneration(context, groupId, sight, memberId)) return undefined;
    return { done: undefined };
  });
}

/** Tells from eventual reads that there is nothing to do. */
async function isWell(context: ClassicContext, request: Generation): Promise<boolean> {
  const { groupId, memberId } = request;
  const nowMs = context.clock.now();
  const { head, me, ailing } = await watch(context, groupId, memberId, { nowMs, latestMs: nowMs });
  if (!head || head.isDeleted || !me || ailing.length > 0 || isRenewalDue(me, nowMs)) return false;
  const instances = new Map(me.instanceId === undefined ? [] : [[me.instanceId, memberId]]);
  return refusalOf({ head, members: [me], instances }, request) === undefined;
}

/** The others join a new round with their next heartbeats. */
export async function leave(context: ClassicContext, request: LeaveGroupRequest): Promise<void> {
  const { groupId, instanceId } = request;
  checkGroupId(groupId);
  if (request.memberId !== '' || instanceId === undefined) checkMemberId(request.memberId);
  let leaving = request.memberId;
  let hasLeft = false;
  await goThrough(context, groupId, undefined, async (sight) => {
    if (leaving === '') leaving = sight.instances.get(instanceId!) ?? '';
    const me = sight.members.find(({ memberId }) => memberId === leaving);
    if (!hasLeft) {
      const refusal = refusalOfInstance(sight, { memberId: leaving, instanceId });
      if (refusal) throw refusal;
      if (!sight.head?.classic || !me?.joined || !isLiving(me)) throw unknownMember(leaving);
    }
    if (me && isLiving(me)) {
      hasLeft = await putMember(context, groupId, me, closed(me));
      return undefined;
    }
    hasLeft = true;
    return afterLeaving(context, groupId, sight);
  });
}

/** `hasGone` is asked again after each change, so that a group without members is found empty. */
async function afterLeaving(
  context: ClassicContext,
  groupId: string,
  sight: Sight,
): Promise<{ done: undefined } | undefined> {
  const { head } = sight;
  const { phase = 'empty' } = head?.classic ?? {};
  if (!head?.classic || phase === 'empty') return { done: undefined };
  if (!sight.members.some(isLiving)) {
    await emptyGroup(context, groupId, head);
    return undefined;
  }
  if (phase === 'preparing' || !hasGone(sight, head.classic)) return { done: undefined };
  await reopen(context, groupId, sight, head);
  return undefined;
}
