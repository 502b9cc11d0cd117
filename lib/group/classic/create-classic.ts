// Puts the classic protocol together behind its interface.
import type { ClassicGroups } from '../../api/classic-groups.ts';
import type { LogContext } from '../../log/context.ts';
import { translated } from '../../storage/outcome.ts';
import { commit } from './commit.ts';
import { createClassicContext } from './context.ts';
import { describe } from './describe.ts';
import { heartbeat, leave } from './heartbeat.ts';
import { join } from './join.ts';
import { newMemberId } from './member-ids.ts';
import { sync } from './sync.ts';

export function createClassicGroups(log: LogContext): ClassicGroups {
  const { table, clock, topics } = log;
  const context = createClassicContext({ table, clock, topics, log });
  return {
    newMemberId: (clientId) => newMemberId(clock, clientId),
    join: (request) => translated(join(context, request), 'write'),
    sync: (request) => translated(sync(context, request), 'write'),
    heartbeat: (request) => translated(heartbeat(context, request), 'write'),
    leave: (request) => translated(leave(context, request), 'write'),
    commit: (request) => translated(commit(context, request), 'write'),
    describe: (groupId) => translated(describe(context, groupId), 'read'),
  };
}
