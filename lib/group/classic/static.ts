// Static members: a member with an instance id takes the place of the last member with it.
//
// Invariant: an instance id has one holder. In a stable generation its successor inherits the assignment, and is told of it
// only when the offsets items name it as the owner. So the one whose place it took cannot commit any more.
import { refused } from '../../api/refusal.ts';
import { groupHeadKey } from '../../storage/keys.ts';
import type { Table } from '../../storage/table.ts';
import { type GroupContext, randomName } from '../context.ts';
import { hasAssignment, inherit } from '../items/classic-heads.ts';
import type { ClassicState } from '../items/head.ts';
import type { Member } from '../items/member.ts';
import { takeOver } from '../items/members.ts';
import { beginTerm, type ItemPartitions, inTerm, keyOfItem, ownershipOf, updateOf } from '../items/ownership.ts';
import { type Portions, readPortions, writePortions } from '../items/portions.ts';
import { consumerProtocolType } from './consumer-protocol.ts';
import { type Sight, unknownMember } from './context.ts';
import { ownersIn } from './fence.ts';

/** The member that has the instance id of one that joins for the first time. */
export type Predecessor = { readonly heldBy: string | undefined; readonly holder: Member | undefined };

export function predecessorOf({ members, instances }: Sight, instanceId: string): Predecessor {
  const heldBy = instances.get(instanceId);
  return { heldBy, holder: members.find(({ memberId }) => memberId === heldBy) };
}

/** Why the member may not act for its instance; undefined if it may, or if it is not static. */
export function refusalOfInstance(
  { members, instances }: Sight,
  { memberId, instanceId }: { readonly memberId: string; readonly instanceId?: string | undefined },
) {
  const named = instanceId ?? members.find((member) => member.memberId === memberId)?.instanceId;
  const holder = named === undefined ? memberId : instances.get(named);
  if (holder === memberId) return undefined;
  if (holder === undefined) return unknownMember(memberId);
  return refused(
    'FENCED_INSTANCE_ID',
    `instance id ${named} belongs to member ${holder} now, and no longer to ${memberId}`,
  );
}

/**
 * The member takes over the place of its predecessor in the stable generation. False if the generation, or one of both, has
 * changed since it was read.
 */
export async function inheritPlace(
  context: GroupContext,
  groupId: string,
  state: ClassicState,
  member: Member,
  holder: Member,
): Promise<boolean> {
  const renamed = async (kind: 'r' | 'a', nonce: string): Promise<string | undefined> => {
    const at = { generation: state.generation, kind };
    const portions = await readPortions(context.table, groupId, at, nonce);
    return portions && writePortions(context, groupId, at, withSuccessor(portions, holder.memberId, member.memberId));
  };
  const roster = await renamed('r', state.roster!);
  const assignment = await renamed('a', state.assignment!);
  if (roster === undefined || assignment === undefined) return false;
  const leader = state.leader === holder.memberId ? member.memberId : state.leader!;
  const change = { member, before: undefined, holder, heldBy: holder.memberId };
  return takeOver(context, groupId, change, inherit(groupId, state, { roster, assignment, leader }));
}

const withSuccessor = (portions: Portions, from: string, to: string): Portions =>
  new Map([...portions].map(([memberId, bytes]) => [memberId === from ? to : memberId, bytes]));

/** The bound of a transaction, which also checks the head. */
const itemsPerStep = 99;

/**
 * Makes the offsets items name the member as the owner of its part of the stable generation. Mostly they do already. False
 * if the generation or an item has changed meanwhile.
 */
export async function takeSlots(
  context: GroupContext,
  groupId: string,
  state: ClassicState,
  memberId: string,
  assignment: Portions,
): Promise<boolean> {
  const { generation, protocolType } = state;
  const mine = assignment.get(memberId);
  if (protocolType !== consumerProtocolType || !mine) return true;
  const { items } = await ownersIn(context, new Map([[memberId, mine]]));
  const writes = [];
  for (const item of items) writes.push(...(await takingOver(context.table, groupId, item, { memberId, generation })));
  const isStillAssigned = hasAssignment(state);
  const check = { kind: 'check', key: groupHeadKey(groupId), if: isStillAssigned } as const;
  for (let from = 0; from < writes.length; from += itemsPerStep) {
    const step = writes.slice(from, from + itemsPerStep);
    const result = await context.table.transact([...step, check], randomName(context.clock));
    if (!result.applied) return false;
  }
  return true;
}

/** An operator's change has a greater epoch, and stays. */
async function takingOver(
  table: Table,
  groupId: string,
  item: ItemPartitions,
  { memberId, generation }: { readonly memberId: string; readonly generation: number },
) {
  const stored = await table.get(keyOfItem(groupId, item), { strong: true });
  const others = item.partitions
    .map((partition) => ({ partition, ownership: ownershipOf(stored, partition) }))
    .filter(({ ownership: { owner, term } }) => term === generation && owner !== memberId);
  if (others.length === 0) return [];
  const areAsRead = others.map(({ partition, ownership }) => inTerm(partition, ownership));
  const changes = others.map(({ partition, ownership }) => beginTerm(partition, memberId, generation, ownership));
  return [updateOf(groupId, item, areAsRead, changes)];
}
