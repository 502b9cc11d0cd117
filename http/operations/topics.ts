// Topics: list, create, describe, alter, delete.
import type { LogEngine } from '../../lib/api/engine.ts';
import type { PartitionDescription, TopicDescription, TopicSummary } from '../../lib/api/topics.ts';
import { defined } from '../defined.ts';
import { json, type Operation, operation } from '../operation.ts';
import { topicDescription, topicDocument, topicList } from '../schemas/replies.ts';
import { alterTopicBody, createTopicBody, describeTopicQuery, listTopicsQuery, topicPath } from '../schemas/schemas.ts';

const DEFAULT_PAGE = 100;
const PATH = '/v1/topics/{topic}';

export function topicOperations(engine: LogEngine): Operation[] {
  return [list(engine), create(engine), describe(engine), alter(engine), remove(engine)];
}

const list = (engine: LogEngine) =>
  operation({
    id: 'listTopics',
    summary: 'List topics in the order of their names, with `nextAfter` when there are more',
    method: 'GET',
    path: '/v1/topics',
    querySchema: listTopicsQuery,
    status: 200,
    replySchema: topicList,
    errors: [],
    run: async ({ query }) => {
      const page = await engine.listTopics(defined({ limit: query.limit ?? DEFAULT_PAGE, after: query.after }));
      const nextAfter = page.more ? page.topics.at(-1)?.topic : undefined;
      return json(200, { topics: page.topics.map(summaryOf), ...(nextAfter !== undefined && { nextAfter }) });
    },
  });

const create = (engine: LogEngine) =>
  operation({
    id: 'createTopic',
    summary: 'Create a topic',
    method: 'PUT',
    path: PATH,
    writes: true,
    pathSchema: topicPath,
    bodySchema: createTopicBody,
    status: 201,
    replySchema: topicDocument,
    errors: ['TOPIC_ALREADY_EXISTS', 'INVALID_TOPIC_EXCEPTION', 'INVALID_PARTITIONS', 'INVALID_CONFIG'],
    run: async ({ path }, body) =>
      json(201, documentOf(await engine.createTopic(defined({ topic: path.topic, ...body })))),
  });

const describe = (engine: LogEngine) =>
  operation({
    id: 'describeTopic',
    summary:
      'Describe a topic: configuration, warnings and a page of partitions, with `nextPartition` when there are more',
    method: 'GET',
    path: PATH,
    pathSchema: topicPath,
    querySchema: describeTopicQuery,
    status: 200,
    replySchema: topicDescription,
    errors: ['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION'],
    run: async ({ path, query }) => {
      const topic = await engine.describeTopic(path.topic);
      const [from, limit] = [query.partitionsFrom ?? 0, query.partitionsLimit ?? DEFAULT_PAGE];
      const wanted = { topic: path.topic, topicId: topic.topicId, from, limit, storage: query.storage ?? false };
      const page = await engine.describePartitions(wanted);
      const nextPartition = from + page.partitions.length;
      return json(200, {
        ...documentOf(topic),
        partitionDetails: page.partitions.map(detailsOf),
        ...(page.more && { nextPartition }),
      });
    },
  });

const alter = (engine: LogEngine) =>
  operation({
    id: 'alterTopic',
    summary: 'Add partitions, or change the configuration (null restores the default)',
    method: 'PATCH',
    path: PATH,
    writes: true,
    pathSchema: topicPath,
    bodySchema: alterTopicBody,
    status: 200,
    replySchema: topicDocument,
    errors: ['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION', 'INVALID_PARTITIONS', 'INVALID_CONFIG'],
    run: async ({ path }, body) =>
      json(200, documentOf(await engine.alterTopic(defined({ topic: path.topic, ...body })))),
  });

const remove = (engine: LogEngine) =>
  operation({
    id: 'deleteTopic',
    summary: 'Delete a topic and its records',
    method: 'DELETE',
    path: PATH,
    writes: true,
    pathSchema: topicPath,
    status: 204,
    errors: ['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION'],
    run: async ({ path }) => {
      await engine.deleteTopic(path.topic);
      return { statusCode: 204, headers: {} };
    },
  });

function summaryOf({ topic, topicId, partitions, createdMs }: TopicSummary) {
  return { topic, topicId, partitions, createdAt: createdMs };
}

function detailsOf({ storage, ...partition }: PartitionDescription) {
  if (!storage) return partition;
  const { maintainedMs: maintainedAt, ...rest } = storage;
  return { ...partition, storage: { ...rest, ...defined({ maintainedAt }) } };
}

function documentOf(description: TopicDescription) {
  return { ...summaryOf(description), config: description.config, warnings: description.warnings };
}
