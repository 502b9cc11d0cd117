// What the parts of the group coordinator share. Nothing is kept between requests: any process may coordinate any group.

import { RivuletError } from '../api/errors.ts';
import type { LogContext } from '../log/context.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Table } from '../storage/table.ts';
import type { Topics } from '../topic/topics.ts';

export type GroupContext = {
  readonly table: Table;
  readonly clock: Clock;
  readonly topics: Topics;
  /** Of the log only ends and ages are asked. */
  readonly log: LogContext;
};

export const randomName = (clock: Clock): string => Buffer.from(clock.randomBytes(16)).toString('base64url');

/** Several coordinators are at the same group: the same heartbeat, sent again, finds it settled. */
export const beingChanged = (groupId: string): RivuletError =>
  new RivuletError('COORDINATOR_LOAD_IN_PROGRESS', `group ${groupId} is being changed: send the same request again`, {
    outcome: 'unknown',
  });

export const unknownGroup = (groupId: string): RivuletError =>
  new RivuletError('GROUP_ID_NOT_FOUND', `there is no group ${groupId}`, { outcome: 'not-written' });

export const nonEmpty = (groupId: string): RivuletError =>
  new RivuletError(
    'NON_EMPTY_GROUP',
    `group ${groupId} has members: stop its consumers first; one that was killed, and a static one that is away, counts ` +
      'until its session is over (45 s, if it did not choose another)',
    { outcome: 'not-written' },
  );
