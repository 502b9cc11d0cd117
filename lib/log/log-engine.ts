// This is the log's half of the engine. It is apart from the groups' half, so that a function that only writes or reads
// records need not load the code that coordinates groups.
import type { LogEngine } from '../api/engine.ts';
import { newProducerId } from '../producer/ids.ts';
import { translated } from '../storage/outcome.ts';
import { append } from './append.ts';
import { appendRecords } from './append-records.ts';
import type { LogContext } from './context.ts';
import { deleteRecords } from './delete-records.ts';
import { describePartitions } from './describe-partitions.ts';
import { fetch } from './fetch.ts';
import { offsets } from './offsets.ts';

export function logEngine(log: LogContext): LogEngine {
  const { table, topics } = log;
  return {
    append: (request) => translated(append(log, request), 'read'),
    appendRecords: (request) => translated(appendRecords(log, request), 'read'),
    fetch: (request) => translated(fetch(log, request), 'read'),
    offsets: (request) => translated(offsets(log, request), 'read'),
    newProducer: async () => ({ producerId: await translated(newProducerId(table), 'write'), epoch: 0 }),
    createTopic: (request) => translated(topics.create(request), 'write'),
    listTopics: (request) => translated(topics.list(request), 'read'),
    describeTopic: (topic) => translated(topics.describe(topic), 'read'),
    describePartitions: (request) => translated(describePartitions(log, request), 'read'),
    deleteRecords: (request) => translated(deleteRecords(log, request), 'read'),
    alterTopic: (request) => translated(topics.alter(request), 'write'),
    deleteTopic: (topic, topicId) => translated(topics.delete(topic, topicId), 'write'),
  };
}
