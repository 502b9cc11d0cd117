// SyncGroup: the leader brings the assignment of the generation, the others wait for it. All of them help to fence the
// generations before it, and a member is told its part only when that is done.
import type { SyncGroupReply, SyncGroupRequest } from '../../api/classic-groups.ts';
import { refused } from '../../api/refusal.ts';
import { installAssignment, openRound, settleGeneration } from '../items/classic-heads.ts';
import type { ClassicState, GroupHead } from '../items/head.ts';
import { isLiving, next } from '../items/member.ts';
import { putMember } from '../items/members.ts';
import { type Portions, readPortions, writePortions } from '../items/portions.ts';
import { removeTargets } from '../items/sweep.ts';
import { checkGroupId } from '../names.ts';
import { consumerProtocolType } from './consumer-protocol.ts';
import { type ClassicContext, goThrough, rebalancing, type Sight } from './context.ts';
import { fence } from './fence.ts';
import { close } from './join.ts';
import { deadOf, hasGone, isRenewalDue, refusalOf, wasHeldUp } from './rounds.ts';
import { takeSlots } from './static.ts';

export async function sync(context: ClassicContext, request: SyncGroupRequest): Promise<SyncGroupReply> {
  checkGroupId(request.groupId);
  return goThrough(context, request.groupId, request.signal, (sight) => advance(context, request, sight));
}

type Outcome = { done: SyncGroupReply } | 'wait' | undefined;

async function advance(context: ClassicContext, request: SyncGroupRequest, sight: Sight): Promise<Outcome> {
  const refusal = refusalOf(sight, request) ?? misfit(sight.head!.classic!, request);
  if (refusal) throw refusal;
  const { groupId, memberId } = request;
  const state = sight.head!.classic!;
  if (state.phase === 'completing' && state.leader === memberId) return install(context, request, state);
  if (state.phase === 'completing') return waitForLeader(context, request, sight);
  const at = { generation: state.generation, kind: 'a' } as const;
  const assignment = await readPortions(context.table, groupId, at, state.assignment!);
  if (!assignment) return undefined;
  if (state.phase === 'fencing') return settle(context, groupId, sight, assignment);
  const me = sight.members.find((member) => member.memberId === memberId);
  const isOwner = me?.instanceId === undefined || (await takeSlots(context, groupId, state, memberId, assignment));
  if (!isOwner) return undefined;
  const { protocolType, protocol = '' } = state;
  return { done: { protocolType, protocol, assignment: assignment.get(memberId) ?? new Uint8Array() } };
}

const misfit = (state: ClassicState, { protocolType, protocol }: SyncGroupRequest) =>
  (protocolType ?? state.protocolType) === state.protocolType && (protocol ?? state.protocol) === state.protocol
    ? undefined
    : refused(
        'INCONSISTENT_GROUP_PROTOCOL',
        `protocol: expected ${state.protocolType} ${state.protocol}, got ${protocolType} ${protocol}`,
      );

async function install(
  context: ClassicContext,
  { groupId, assignments }: SyncGroupRequest,
  { generation }: ClassicState,
): Promise<undefined> {
  const portions = new Map(assignments.map(({ memberId, assignment }) => [memberId, assignment]));
  const nonce = await writePortions(context, groupId, { generation, kind: 'a' }, portions);
  await installAssignment(context, groupId, generation, nonce);
}

/** The leader may die before it assigns: then the others need a new round, with another leader. */
async function waitForLeader(context: ClassicContext, request: SyncGroupRequest, sight: Sight): Promise<Outcome> {
  const { groupId, memberId } = request;
  const now = context.clock.now();
  const me = sight.members.find((member) => member.memberId === memberId)!;
  if (!wasHeldUp(me, now) && (await tendGeneration(context, groupId, sight, memberId))) return undefined;
  if (isRenewalDue(me, now)) await putMember(context, groupId, me, next(me, { renewedMs: now }));
  return 'wait';
}

/**
 * Closes the dead, and opens a round if the generation has lost a member. Returns true if there was something to do.
 * `alive` is the member whose request this is: it is not closed, however old its lease is.
 */
export async function tendGeneration(
  context: ClassicContext,
  groupId: string,
  sight: Sight,
  alive: string,
): Promise<boolean> {
  const dead = deadOf(sight, context.clock.now()).filter(({ memberId }) => memberId !== alive);
  await close(context, groupId, dead);
  const { head } = sight;
  const isIncomplete = head?.classic && hasGone(sight, head.classic);
  if (isIncomplete) await reopen(context, groupId, sight, head);
  return dead.length > 0 || isIncomplete === true;
}

/** J1, for the members that are left. */
export async function reopen(context: ClassicContext, groupId: string, { members }: Sight, head: GroupHead) {
  const rebalanceMs = Math.max(0, ...members.filter(isLiving).map((member) => member.rebalanceMs));
  await openRound(context, groupId, head, { protocolType: head.classic!.protocolType, rebalanceMs });
}

async function settle(
  context: ClassicContext,
  groupId: string,
  sight: Sight,
  assignment: Portions,
): Promise<undefined> {
  const { generation, protocolType } = sight.head!.classic!;
  const isTerm = protocolType === consumerProtocolType;
  const fenced = await fence(context, groupId, generation, isTerm ? assignment : new Map());
  if (fenced === 'overtaken') {
    await reopen(context, groupId, sight, sight.head!);
    throw rebalancing(groupId);
  }
  if (fenced === 'again') return undefined;
  if (await settleGeneration(context, groupId, generation)) await removeTargets(context.table, groupId, generation - 1);
}
