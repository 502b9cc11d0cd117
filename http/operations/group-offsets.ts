// The committed offsets of a group: commit, fetch, delete, reset. No record passes through here: a caller with permission
// for these operations learns how far a topic reaches, and nothing that is in it.

import * as z from 'zod';
import type {
  FetchOffsetsReply,
  Groups,
  PartitionCommit,
  PerPartitionReply,
  ResetOffsetsReply,
  ResetTarget,
} from '../../lib/api/groups.ts';
import type { Staging } from '../../lib/api/transactions.ts';
import { defined } from '../defined.ts';
import type { HttpResult } from '../http-event.ts';
import { REPLY_BYTES } from '../json-records.ts';
import { json, type Operation, operation } from '../operation.ts';
import { failedRead, failedWrite, failuresOf, replyOf } from '../results.ts';
import { committedOffsets, offsetResults, resetResults } from '../schemas/group-replies.ts';
import {
  commitOffsetsBody,
  deleteOffsetsQuery,
  fetchOffsetsQuery,
  groupPath,
  resetOffsetsBody,
} from '../schemas/group-schemas.ts';
import { stagedOffsets, transactionHeader } from '../schemas/transaction-schemas.ts';
import { transactionErrors, transactionOf } from './transactions.ts';

type WithGroups = { readonly groups: Groups };
/** The function of the groups also stages the offsets of transactions. */
type WithStaging = WithGroups & { readonly transactions: Staging };

const PATH = '/v1/groups/{group}/offsets';

export function groupOffsetOperations(engine: WithStaging): Operation[] {
  return [commit(engine), fetch(engine), remove(engine), reset(engine)];
}

const topicErrors = ['UNKNOWN_TOPIC_OR_PARTITION', 'INCONSISTENT_TOPIC_ID'] as const;
const busy = ['COORDINATOR_LOAD_IN_PROGRESS', 'REQUEST_TIMED_OUT'] as const;

const commit = (engine: WithStaging) =>
  operation({
    id: 'commitOffsets',
    summary: 'Commit offsets. A member commits what it owns. A caller without membership needs an empty group',
    method: 'POST',
    path: PATH,
    writes: true,
    pathSchema: groupPath,
    bodySchema: commitOffsetsBody,
    status: 200,
    headerSchemas: { 'Rivulet-Transaction': transactionHeader.optional() },
    replySchema: z.union([offsetResults, stagedOffsets]),
    repliesResults: true,
    errors: [
      ...transactionErrors,
      'INVALID_GROUP_ID',
      'UNKNOWN_MEMBER_ID',
      'STALE_MEMBER_EPOCH',
      'OFFSET_METADATA_TOO_LARGE',
      ...topicErrors,
      ...busy,
    ],
    run: async ({ path, headers }, { topics, ...member }) => {
      const request = {
        groupId: path.group,
        ...defined(member),
        topics: topics.map((of) => ({ ...defined(of), partitions: of.partitions.map<PartitionCommit>(defined) })),
      };
      const transaction = transactionOf(headers);
      if (!transaction) return partitionResults(await engine.groups.commitOffsets(request));
      await engine.transactions.stageOffsets({ ...request, in: transaction });
      return json(200, { staged: topics.reduce((sum, { partitions }) => sum + partitions.length, 0) });
    },
  });

const fetch = (engine: WithGroups) =>
  operation({
    id: 'fetchOffsets',
    summary: 'Fetch committed offsets: all, of a topic or of some partitions, with `nextAfter` when there are more',
    method: 'GET',
    path: PATH,
    pathSchema: groupPath,
    querySchema: fetchOffsetsQuery,
    status: 200,
    replySchema: committedOffsets,
    errors: ['INVALID_GROUP_ID', 'GROUP_ID_NOT_FOUND', ...topicErrors],
    run: async ({ path, query: { topic, topicId, partitions, after } }) => {
      // All pages must be of one topic, even if another topic is created under its name between them.
      const ref = topic === undefined ? undefined : { topic, topicId: topicId ?? after?.topicId, partitions };
      const topics = ref && [defined(ref)];
      return committedOf(await engine.groups.fetchOffsets({ groupId: path.group, ...defined({ topics, after }) }));
    },
  });

const remove = (engine: WithGroups) =>
  operation({
    id: 'deleteOffsets',
    summary: 'Delete the offsets of a topic that no member subscribes to',
    method: 'DELETE',
    path: PATH,
    writes: true,
    pathSchema: groupPath,
    querySchema: deleteOffsetsQuery,
    status: 200,
    replySchema: offsetResults,
    repliesResults: true,
    errors: [
      'INVALID_GROUP_ID',
      'GROUP_ID_NOT_FOUND',
      'GROUP_SUBSCRIBED_TO_TOPIC',
      'NON_EMPTY_GROUP',
      ...topicErrors,
      ...busy,
    ],
    run: async ({ path, query: { topic, topicId, partitions } }) => {
      const topics = [defined({ topic, topicId, partitions })];
      return partitionResults(await engine.groups.deleteOffsets({ groupId: path.group, topics }));
    },
  });

const reset = (engine: WithGroups) =>
  operation({
    id: 'resetOffsets',
    summary: 'Set the offsets of a group that has no members, or report what would be set',
    method: 'POST',
    path: `${PATH}/reset`,
    writes: true,
    pathSchema: groupPath,
    bodySchema: resetOffsetsBody,
    status: 200,
    replySchema: resetResults,
    repliesResults: true,
    errors: ['INVALID_GROUP_ID', 'GROUP_ID_NOT_FOUND', 'NON_EMPTY_GROUP', ...topicErrors, ...busy],
    run: async ({ path }, body) => {
      const dryRun = body.dryRun ?? false;
      const topics = body.topics.map(({ target, ...of }) => ({ ...defined(of), target: targetOf(target) }));
      return resetOf(await engine.groups.resetOffsets({ groupId: path.group, topics, dryRun }), dryRun);
    },
  });

type Target = ReturnType<typeof resetOffsetsBody.parse>['topics'][number]['target'];

function targetOf(target: Target): ResetTarget {
  return target.to === 'datetime' ? { to: 'datetime', timestampMs: target.timestamp } : target;
}

function partitionResults({ topics }: PerPartitionReply): HttpResult {
  const results = topics.map((of) => ({
    ...of,
    partitions: of.partitions.map((result) => ('error' in result ? failedWrite(result) : result)),
  }));
  return replyOf(
    topics.flatMap(({ partitions }) => partitions),
    { topics: results },
  );
}

/** Renders as many rows as fit, and at least one. */
function committedOf({ topics }: FetchOffsetsReply): HttpResult {
  const page: { topic: string; topicId: string; partitions: object[] }[] = [];
  let bytes = ENVELOPE_BYTES;
  let last: string | undefined;
  const failures = failuresOf(topics.flatMap(({ partitions }) => partitions));
  for (const { topic, topicId, partitions } of topics) {
    if (topicId === undefined) throw firstError(partitions);
    const rows: object[] = [];
    page.push({ topic, topicId, partitions: rows });
    bytes += ENVELOPE_BYTES + topic.length;
    for (const result of partitions) {
      const row = committedRow(result);
      bytes += Buffer.byteLength(JSON.stringify(row)) + 1;
      if (bytes > REPLY_BYTES && last !== undefined)
        return { ...json(200, { topics: page, nextAfter: last }), failures };
      rows.push(row);
      last = `${topicId}/${result.partition}`;
    }
  }
  return { ...json(200, { topics: page }), failures };
}

/** The JSON around the rows of a reply takes less than this. So does the JSON of a topic, without its name. */
const ENVELOPE_BYTES = 128;

type Committed = FetchOffsetsReply['topics'][number]['partitions'];

function committedRow(result: Committed[number]): object {
  if ('error' in result) return failedRead(result);
  const { committedMs, ...committed } = result;
  return { ...committed, committedAt: committedMs };
}

/** If the topic does not exist, that is the whole answer, instead of one error per partition. */
const firstError = (partitions: Committed): unknown => partitions.find((result) => 'error' in result)?.error;

function resetOf({ topics }: ResetOffsetsReply, dryRun: boolean): HttpResult {
  const results = topics.map((of) => ({
    ...of,
    partitions: of.partitions.map((result) => ('error' in result ? failedWrite(result) : result)),
  }));
  return replyOf(
    topics.flatMap(({ partitions }) => partitions),
    { dryRun, topics: results },
  );
}
