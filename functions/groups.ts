// The function that coordinates consumer groups. There may be any number of it: all that is known of a group is in the table,
// and any of them answers any heartbeat.

import { groupOperations } from '../http/operations/groups.ts';
import { createGroups } from '../lib/group/create-groups.ts';
import { openContext } from './environment.ts';
import { handlerFor } from './handler.ts';

const groups = createGroups(openContext());

export const handler = handlerFor(groupOperations({ groups }));
