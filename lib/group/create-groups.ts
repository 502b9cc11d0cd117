// Puts the group coordinator together behind its interface. It keeps nothing: any process may coordinate any group, and
// several processes may coordinate the same one at the same time.

import type { Groups } from '../api/groups.ts';
import type { LogContext } from '../log/context.ts';
import { translated } from '../storage/outcome.ts';
import type { GroupContext } from './context.ts';
import { describeGroup, listGroups } from './lifecycle/describe.ts';
import { deleteGroup, expireIfPossible, groupsInTurn } from './lifecycle/expire.ts';
import { checkMember } from './membership/check-member.ts';
import { heartbeat } from './membership/heartbeat.ts';
import { checkGroupId } from './names.ts';
import { deleteOffsets, resetOffsets } from './offsets/change-offsets.ts';
import { commitOffsets } from './offsets/commit.ts';
import { fetchOffsets } from './offsets/fetch-offsets.ts';
import { lagOf } from './offsets/lag.ts';

export function createGroups(log: LogContext): Groups {
  const { table, clock, topics } = log;
  const context: GroupContext = { table, clock, topics, log };
  return {
    checkMember: (request) => translated(checkMember(context, request), 'read'),
    heartbeat: (request) => translated(heartbeat(context, request), 'write'),
    commitOffsets: (request) => translated(commitOffsets(context, request), 'write'),
    fetchOffsets: (request) => translated(fetchOffsets(context, request), 'read'),
    deleteOffsets: (request) => translated(deleteOffsets(context, request), 'write'),
    resetOffsets: (request) => translated(resetOffsets(context, request), 'write'),
    list: (request) => translated(listGroups(context, request), 'read'),
    describe: (groupId) => translated(describeGroup(context, groupId), 'read'),
    lag: async (groupId) => {
      checkGroupId(groupId);
      return translated(lagOf(context, groupId), 'read');
    },
    delete: (groupId) => translated(deleteGroup(context, groupId), 'write'),
    inTurn: () => translated(groupsInTurn(context), 'read'),
    expire: ({ groupId, retentionMs }) => translated(expireIfPossible(context, groupId, retentionMs), 'write'),
  };
}
