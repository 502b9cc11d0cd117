// The states of groups, as Kafka's tools call them.
import type { GroupState } from '../lib/api/groups.ts';

export const stateNames: Record<GroupState, string> = {
  Empty: 'Empty',
  Assigning: 'PreparingRebalance',
  Reconciling: 'CompletingRebalance',
  Stable: 'Stable',
};
