// The function that coordinates consumer groups. Any number of instances may run: a group's whole state is in the table, so
// any instance can answer any heartbeat.

import { groupOperations } from '../http/operations/groups.ts';
import { createGroups } from '../lib/group/create-groups.ts';
import { createStaging } from '../lib/transaction/create-staging.ts';
import { openContext } from './environment.ts';
import { handlerFor } from './handler.ts';

const context = openContext();
const engine = { groups: createGroups(context), transactions: createStaging(context) };

export const handler = handlerFor(groupOperations(engine));
