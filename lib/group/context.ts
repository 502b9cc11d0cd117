// The context that all functions of the group coordinator share. It keeps nothing between requests, so any process may
// coordinate any group.

import { type ErrorCode, RivuletError } from '../api/errors.ts';
import { refused } from '../api/refusal.ts';
import type { LogContext } from '../log/context.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Table } from '../storage/table.ts';
import type { Topics } from '../topic/topics.ts';

export type GroupContext = {
  readonly table: Table;
  readonly clock: Clock;
  readonly topics: Topics;
  /** Groups ask the log only for the ends of partitions and for the ages and times of records. */
  readonly log: LogContext;
};

export const randomName = (clock: Clock): string => Buffer.from(clock.randomBytes(16)).toString('base64url');

/** Several coordinators are changing the same group. The same request, sent again, finds the group settled. */
export const beingChanged = (groupId: string): RivuletError =>
  new RivuletError('COORDINATOR_LOAD_IN_PROGRESS', `group ${groupId} is being changed: send the same request again`, {
    outcome: 'unknown',
  });

export const unknownGroup = (groupId: string): RivuletError =>
  refused('GROUP_ID_NOT_FOUND', `there is no group ${groupId}`);

export const nonEmpty = (groupId: string): RivuletError =>
  refused(
    'NON_EMPTY_GROUP',
    `group ${groupId} has members: stop its consumers first; a consumer that was killed, or a static member that ` +
      'is away, counts until its session is over (45 s by default)',
  );

/** Members and other callers stay away from the offsets of a subscription: its runs are no members, so no session tells of them. */
export const delivered = (groupId: string, errorCode: ErrorCode = 'NON_EMPTY_GROUP'): RivuletError =>
  refused(errorCode, `group ${groupId} has a subscription, which commits its offsets: delete the subscription first`);
