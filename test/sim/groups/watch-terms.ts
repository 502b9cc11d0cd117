// Tells of every term of ownership as it is written: a memory table that looks after each write at what it changed.
import { slotsOf, topicIdOf } from '../../../lib/group/slots.ts';
import { groupOffsetsPartition } from '../../../lib/storage/keys.ts';
import type { Check, Table, Write } from '../../../lib/storage/table.ts';
import type { TermSeen } from './history.ts';
import { simulatedGroup } from './member.ts';

export function watchTerms(table: Table, terms: TermSeen[], now: () => number): Table {
  const look = async (action: Write | Check) => {
    const { pk, sk } = action.kind === 'put' ? action.item : action.key;
    if (pk !== groupOffsetsPartition(simulatedGroup)) return;
    const item = await table.get({ pk, sk });
    if (!item) return;
    for (const { partition, slot } of slotsOf(item))
      terms.push({ partition: `${topicIdOf(item)}-${partition}`, owner: slot.owner, epoch: slot.term, atMs: now() });
  };
  return {
    ...table,
    async write(write) {
      const result = await table.write(write);
      if (result.applied) await look(write);
      return result;
    },
    async transact(actions, token) {
      const result = await table.transact(actions, token);
      if (result.applied) for (const action of actions) await look(action);
      return result;
    },
  };
}
