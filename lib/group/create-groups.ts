// The group coordinator, put together. It keeps nothing: any process may coordinate any group, all at once.
import type { LogParts } from '../log/context.ts';
import { translated } from '../storage/outcome.ts';
import type { Groups } from '../api/groups.ts';
import type { GroupParts } from './context.ts';
import { describeGroup, listGroups } from './lifecycle/describe.ts';
import { deleteGroup, expireIfPossible, groupsInTurn } from './lifecycle/expire.ts';
import { heartbeat } from './membership/heartbeat.ts';
import { checkGroupId } from './names.ts';
import { deleteOffsets, resetOffsets } from './offsets/change-offsets.ts';
import { commitOffsets } from './offsets/commit.ts';
import { fetchOffsets } from './offsets/fetch-offsets.ts';
import { lagOf } from './offsets/lag.ts';

export function createGroups(log: LogParts): Groups {
  const { table, clock, topics } = log;
  const parts: GroupParts = { table, clock, topics, log };
  return {
    heartbeat: (request) => translated(heartbeat(parts, request), 'write'),
    commitOffsets: (request) => translated(commitOffsets(parts, request), 'write'),
    fetchOffsets: (request) => translated(fetchOffsets(parts, request), 'read'),
    deleteOffsets: (request) => translated(deleteOffsets(parts, request), 'write'),
    resetOffsets: (request) => translated(resetOffsets(parts, request), 'write'),
    list: (request) => translated(listGroups(parts, request), 'read'),
    describe: (groupId) => translated(describeGroup(parts, groupId), 'read'),
    lag: async (groupId) => {
      checkGroupId(groupId);
      return translated(lagOf(parts, groupId), 'read');
    },
    delete: (groupId) => translated(deleteGroup(parts, groupId), 'write'),
    inTurn: () => translated(groupsInTurn(parts), 'read'),
    expire: ({ groupId, retentionMs }) => translated(expireIfPossible(parts, groupId, retentionMs), 'write'),
  };
}
