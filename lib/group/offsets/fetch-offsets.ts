// Reads committed offsets. The reads are strong, so that a member that has just claimed a partition begins where its
// last owner stopped.

import { RivuletError } from '../../api/errors.ts';
import type { CommittedOffset, FetchOffsetsReply, FetchOffsetsRequest, OffsetPosition } from '../../api/groups.ts';
import { inParallel } from '../../runtime/concurrency.ts';
import { groupOffsetsKey, groupOffsetsPartition } from '../../storage/keys.ts';
import { unknownPartition } from '../../topic/partitions.ts';
import type { Topic } from '../../topic/topics.ts';
import type { GroupContext } from '../context.ts';
import { type Ownership, ownershipOf } from '../items/ownership.ts';
import { isBehind, readOwnership } from '../items/read-ownership.ts';
import { checkGroupId } from '../names.ts';
import { resolveAnew, resolveEach } from '../topics.ts';

export async function fetchOffsets(context: GroupContext, request: FetchOffsetsRequest): Promise<FetchOffsetsReply> {
  checkGroupId(request.groupId);
  const { after } = request;
  if (request.topics === undefined) return { topics: await fetchAll(context, request.groupId, after) };
  const topics = await resolveEach(context.topics, request.topics);
  const replies = await inParallel(topics, 16, async (topic, index) => {
    const { topic: name, partitions } = request.topics![index]!;
    if (topic instanceof RivuletError) {
      if (partitions === undefined) throw topic;
      return { topic: name, partitions: partitions.map((partition) => ({ partition, error: topic })) };
    }
    const { topicId } = topic;
    const wanted = partitions?.filter((partition) => isBehind(after)({ topicId, partition }));
    const found = wanted
      ? await committedAt(context, request.groupId, topic, wanted)
      : await committedIn(context, request.groupId, topic, after);
    return { topic: name, topicId: topic.topicId, partitions: found };
  });
  return { topics: replies };
}

async function fetchAll(
  { table, topics }: GroupContext,
  groupId: string,
  after: OffsetPosition | undefined,
): Promise<FetchOffsetsReply['topics']> {
  const ownerships = await readOwnership(table, groupId, { strong: true, after });
  const committed = ownerships.filter(({ ownership }) => ownership.offset !== undefined);
  const byId = Map.groupBy(committed, ({ topicId }) => topicId);
  const refs = [...byId].map(([topicId, [first]]) => ({ topicId, topic: first!.topic }));
  // Offsets of a topic that was deleted or re-created belong to no topic that exists, so they are left out.
  const found = await resolveAnew(topics, refs);
  return found.flatMap((topic) =>
    topic instanceof RivuletError
      ? []
      : [{ topic: topic.topic, topicId: topic.topicId, partitions: byId.get(topic.topicId)!.map(committedOf) }],
  );
}

export async function committedIn(
  { table }: GroupContext,
  groupId: string,
  { topicId }: Topic,
  after?: OffsetPosition,
): Promise<CommittedOffset[]> {
  const ownerships = await readOwnership(table, groupId, { topicId, strong: true, after });
  return ownerships.filter(({ ownership }) => ownership.offset !== undefined).map(committedOf);
}

export async function committedAt(
  { table }: GroupContext,
  groupId: string,
  topic: Topic,
  partitions: readonly number[],
) {
  const byItem = Map.groupBy(partitions, (partition) => groupOffsetsKey(groupId, topic.topicId, partition).sk);
  const items = new Map(
    await inParallel([...byItem.keys()], 16, async (sk) => {
      const item = await table.get({ pk: groupOffsetsPartition(groupId), sk }, { strong: true });
      return [sk, item] as const;
    }),
  );
  return partitions.map((partition) => {
    const error = unknownPartition(topic, partition);
    const item = items.get(groupOffsetsKey(groupId, topic.topicId, partition).sk);
    return error ? { partition, error } : committedOf({ partition, ownership: ownershipOf(item, partition) });
  });
}

const committedOf = ({ partition, ownership }: { partition: number; ownership: Ownership }): CommittedOffset =>
  ownership.offset === undefined
    ? { partition, offset: -1, leaderEpoch: -1, metadata: '', committedMs: -1 }
    : {
        partition,
        offset: ownership.offset,
        leaderEpoch: ownership.leaderEpoch,
        metadata: ownership.metadata,
        committedMs: ownership.committedMs,
      };
