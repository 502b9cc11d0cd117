// Describes a group of the classic protocol as Kafka's tools show it. A member whose session is over is left out.
import type { ClassicDescription, ClassicState } from '../../api/classic-groups.ts';
import type { GroupContext } from '../context.ts';
import type { ClassicState as Stored } from '../items/head.ts';
import { isPresent } from '../items/member.ts';
import { type Portions, readPortions } from '../items/portions.ts';
import { checkGroupId } from '../names.ts';
import { isClassic, look } from './context.ts';

const nothing: Portions = new Map();

const states: Record<Stored['phase'], ClassicState> = {
  empty: 'Empty',
  preparing: 'PreparingRebalance',
  completing: 'CompletingRebalance',
  fencing: 'CompletingRebalance',
  stable: 'Stable',
};

export async function describe(context: GroupContext, groupId: string): Promise<ClassicDescription | undefined> {
  checkGroupId(groupId);
  const { head, members } = await look(context, groupId);
  if (!head?.classic) return undefined;
  const { phase, protocolType, protocol = '', generation, roster, assignment } = head.classic;
  const portions = async (kind: 'r' | 'a', nonce: string | undefined) =>
    (nonce !== undefined && (await readPortions(context.table, groupId, { generation, kind }, nonce))) || nothing;
  const said = await portions('r', roster);
  const given = phase === 'stable' ? await portions('a', assignment) : nothing;
  const present = members.filter((member) => isClassic(member) && isPresent(member, context.clock.now()));
  return {
    state: present.length === 0 ? 'Empty' : states[phase],
    protocolType,
    protocol,
    members: present.map(({ memberId, instanceId, clientId, host }) => ({
      ...{ memberId, clientId, host },
      ...(instanceId !== undefined && { instanceId }),
      metadata: said.get(memberId) ?? new Uint8Array(),
      assignment: given.get(memberId) ?? new Uint8Array(),
    })),
  };
}
