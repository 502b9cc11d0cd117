// Consumer groups: the heartbeat, list, describe and delete. Their offsets are in group-offsets.ts.
import type { Groups, OwnedPartitions } from '../../lib/api/groups.ts';
import type { FailureNote } from '../../lib/api/push.ts';
import type { Staging } from '../../lib/api/transactions.ts';
import { defined } from '../defined.ts';
import { json, type Operation, operation } from '../operation.ts';
import { groupDescription, groupList, heartbeatReply } from '../schemas/group-replies.ts';
import { describeGroupQuery, groupPath, heartbeatBody, listGroupsQuery } from '../schemas/group-schemas.ts';
import { groupOffsetOperations } from './group-offsets.ts';

type WithGroups = { readonly groups: Groups };

const DEFAULT_PAGE = 100;
const GROUP = '/v1/groups/{group}';
/** A reply holds 4 MiB: one half is for the members, the other half for the partitions. */
const PAGE_BYTES = 2 * 1024 * 1024 - 64 * 1024;

export function groupOperations(engine: WithGroups & { readonly transactions: Staging }): Operation[] {
  return [heartbeat(engine), list(engine), describe(engine), remove(engine), ...groupOffsetOperations(engine)];
}

const heartbeat = (engine: WithGroups) =>
  operation({
    id: 'heartbeat',
    summary: 'Join a group, stay in it or leave it. A member reports what it owns and receives its assignment',
    method: 'POST',
    path: `${GROUP}/heartbeat`,
    writes: true,
    pathSchema: groupPath,
    bodySchema: heartbeatBody,
    status: 200,
    replySchema: heartbeatReply,
    errors: [
      'INVALID_GROUP_ID',
      'UNKNOWN_MEMBER_ID',
      'FENCED_MEMBER_EPOCH',
      'UNRELEASED_INSTANCE_ID',
      'FENCED_INSTANCE_ID',
      'INCONSISTENT_GROUP_PROTOCOL',
      'UNSUPPORTED_ASSIGNOR',
      'INVALID_REGULAR_EXPRESSION',
      'GROUP_MAX_SIZE_REACHED',
      'COORDINATOR_LOAD_IN_PROGRESS',
      'COORDINATOR_NOT_AVAILABLE',
    ],
    run: async ({ path, sourceIp, receivedMs }, body) => {
      const { memberId, memberEpoch, heartbeatSeq, topicPartitions, ...rest } = body;
      const owned: readonly OwnedPartitions[] | undefined = topicPartitions?.map(defined);
      const reply = await engine.groups.heartbeat({
        ...{ groupId: path.group, memberId, memberEpoch, heartbeatSeq },
        ...defined({ ...withoutNulls(rest), host: sourceIp, receivedMs, topicPartitions: owned }),
      });
      return json(200, reply);
    },
  });

type WithoutNulls<T> = { [K in keyof T]: Exclude<T[K], null> };

function withoutNulls<T extends object>(object: T): WithoutNulls<T> {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [name, value ?? undefined]),
  ) as WithoutNulls<T>;
}

const list = (engine: WithGroups) =>
  operation({
    id: 'listGroups',
    summary: 'List groups in the order of their names, with `nextAfter` when there are more',
    method: 'GET',
    path: '/v1/groups',
    querySchema: listGroupsQuery,
    status: 200,
    replySchema: groupList,
    errors: ['INVALID_GROUP_ID'],
    run: async ({ query }) => {
      const page = await engine.groups.list(defined({ limit: query.limit ?? DEFAULT_PAGE, after: query.after }));
      const nextAfter = page.more ? page.groups.at(-1)?.groupId : undefined;
      return json(200, { groups: page.groups, ...(nextAfter !== undefined && { nextAfter }) });
    },
  });

const describe = (engine: WithGroups) =>
  operation({
    id: 'describeGroup',
    summary: 'Describe state, members and lag, with `nextMember` and `nextPartition` when one reply does not hold all',
    method: 'GET',
    path: GROUP,
    pathSchema: groupPath,
    querySchema: describeGroupQuery,
    status: 200,
    replySchema: groupDescription,
    errors: ['INVALID_GROUP_ID', 'GROUP_ID_NOT_FOUND'],
    run: async ({ path, query }) => {
      const { memberDetails, partitionDetails, ...group } = await engine.groups.describe(path.group);
      const members = pageOf(memberDetails, query.membersFrom ?? 0, PAGE_BYTES);
      const partitions = pageOf(partitionDetails.map(withTimes), query.partitionsFrom ?? 0, PAGE_BYTES);
      return json(200, {
        ...group,
        memberDetails: members.rows,
        ...(members.next !== undefined && { nextMember: members.next }),
        partitionDetails: partitions.rows,
        ...(partitions.next !== undefined && { nextPartition: partitions.next }),
      });
    },
  });

const remove = (engine: WithGroups) =>
  operation({
    id: 'deleteGroup',
    summary: 'Delete a group that has no members, and its offsets',
    method: 'DELETE',
    path: GROUP,
    writes: true,
    pathSchema: groupPath,
    status: 204,
    errors: ['INVALID_GROUP_ID', 'GROUP_ID_NOT_FOUND', 'NON_EMPTY_GROUP', 'COORDINATOR_LOAD_IN_PROGRESS'],
    run: async ({ path }) => {
      await engine.groups.delete(path.group);
      return { statusCode: 204, headers: {} };
    },
  });

/** Times have no unit in their names over HTTP: all are epoch milliseconds. */
export function withTimes<Row extends { readonly leaseUntilMs?: number; readonly failing?: FailureNote }>(row: Row) {
  const { leaseUntilMs: leaseUntil, failing, ...others } = row;
  if (failing === undefined) return defined({ ...others, leaseUntil });
  const { firstFailureMs: firstFailure, nextTryMs: nextTry, ...note } = failing;
  return defined({ ...others, leaseUntil, failing: { ...note, firstFailure, nextTry } });
}

/** As many rows from `from` on as fit. It returns at least one, because each row fits by itself. */
export function pageOf<Row>(
  all: readonly Row[],
  from: number,
  limitBytes: number,
): { rows: readonly Row[]; next: number | undefined } {
  let bytes = 0;
  let to = from;
  while (to < all.length) {
    bytes += Buffer.byteLength(JSON.stringify(all[to])) + 1;
    if (bytes > limitBytes && to > from) return { rows: all.slice(from, to), next: to };
    to += 1;
  }
  return { rows: all.slice(from), next: undefined };
}
