// DescribeTopicPartitions (75). Describes topics page by page: all of them, or those that are asked for, in the order of their
// names.
//
// Version 0. Deviations: a topic that does not exist counts as a partition, so that a reply is bounded. Operations that the
// client may do are not listed.
import { RivuletError } from '../../lib/api/errors.ts';
import type { TopicSummary } from '../../lib/api/topics.ts';
import { inParallel } from '../../lib/runtime/concurrency.ts';
import { type Call, defineApi, type Gateway } from '../api.ts';
import { type PartitionPlace, placesOf } from '../cluster.ts';
import { code, readCode } from '../errors.ts';
import { allTopics } from '../topic-names.ts';

type Request = {
  /** Empty for all. */
  readonly topics: readonly { readonly name: string }[];
  readonly responsePartitionLimit: number;
  readonly cursor: Cursor | null;
};

/** The first partition that is not described yet. */
type Cursor = { readonly topicName: string; readonly partitionIndex: number };

type Reply = { readonly topics: readonly TopicReply[]; readonly nextCursor: Cursor | null };

type TopicReply = {
  readonly errorCode: number;
  readonly name: string;
  readonly topicId?: string;
  readonly partitions: readonly PartitionReply[];
};

type PartitionReply = PartitionPlace & {
  readonly eligibleLeaderReplicas: readonly number[];
  readonly lastKnownElr: readonly number[];
};

/** Kafka's max.request.partition.size.limit has the same value. */
const mostPartitions = 2_000;
const topicsAtOnce = 16;

export const describeTopicPartitions = defineApi<Request, Reply>({
  key: 75,
  versions: [0, 0],
  overlaps: true,
  takesTurns: true,
  async answer(gateway, request, call) {
    const { cursor, responsePartitionLimit } = request;
    const limit = Math.min(Math.max(responsePartitionLimit, 1), mostPartitions);
    const isLeft = ({ name }: Found): boolean => cursor === null || name >= cursor.topicName;
    const found = (await topicsOf(gateway, request, call)).filter(isLeft).sort((a, b) => (a.name < b.name ? -1 : 1));
    // Each has a partition at least.
    const looked = await inParallel(found.slice(0, limit + 1), topicsAtOnce, (one) => look(gateway, one));
    return pageOf(gateway, looked, cursor, limit);
  },
});

type Found = { readonly name: string; readonly topic?: TopicSummary };
type Looked = { readonly name: string; readonly topic: TopicSummary | RivuletError };

async function topicsOf({ engine }: Gateway, { topics }: Request, { rights }: Call): Promise<Found[]> {
  if (topics.length > 0) return [...new Set(topics.map(({ name }) => name))].map((name) => ({ name }));
  const all = (await allTopics(engine)).map((topic) => ({ name: topic.topic, topic }));
  return all.filter(({ name }) => rights.may('DESCRIBE', 'topic', name));
}

async function look({ engine }: Gateway, { name, topic }: Found): Promise<Looked> {
  try {
    return { name, topic: topic ?? (await engine.describeTopic(name)) };
  } catch (error) {
    if (!(error instanceof RivuletError)) throw error;
    return { name, topic: error };
  }
}

function pageOf(gateway: Gateway, topics: readonly Looked[], cursor: Cursor | null, limit: number): Reply {
  const replies: TopicReply[] = [];
  let room = limit;
  for (const { name, topic } of topics) {
    const from = name === cursor?.topicName ? Math.max(cursor.partitionIndex, 0) : 0;
    if (room === 0) return { topics: replies, nextCursor: { topicName: name, partitionIndex: from } };
    if (topic instanceof RivuletError) {
      replies.push({ errorCode: readCode(topic), name, partitions: [] });
      room--;
      continue;
    }
    const end = Math.min(topic.partitions, from + room);
    replies.push(describe(gateway, topic, from, end));
    room -= Math.max(end - from, 1);
    if (end < topic.partitions) return { topics: replies, nextCursor: { topicName: name, partitionIndex: end } };
  }
  return { topics: replies, nextCursor: null };
}

function describe({ cluster, names }: Gateway, topic: TopicSummary, from: number, end: number): TopicReply {
  names.learn(topic);
  const placeOf = placesOf(cluster, topic.topicId);
  const partitions = Array.from({ length: Math.max(end - from, 0) }, (_, i) => ({
    ...placeOf(from + i),
    ...{ eligibleLeaderReplicas: [], lastKnownElr: [] },
  }));
  return { errorCode: code.none, name: topic.topic, topicId: topic.topicId, partitions };
}
