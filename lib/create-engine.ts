// Puts the engine together over two ports and a clock. Which adapters those are, and which decorators they wear, is
// decided at the composition roots (local/, functions/, tests), never here.
import type { Clock } from './clock.ts';
import type { Engine } from './engine.ts';
import { createGroups } from './group/create-groups.ts';
import { append } from './log/append.ts';
import { appendRecords } from './log/append-records.ts';
import { fetch } from './log/fetch.ts';
import { createLogParts } from './log/log.ts';
import { describePartitions, offsets } from './log/offsets.ts';
import { storageFailure } from './log/sequence.ts';
import { newProducerId } from './producer/ids.ts';
import type { ObjectStore } from './storage/object-store.ts';
import type { Table } from './storage/table.ts';
import { createTopics } from './topic/topics.ts';

export function createEngine(ports: { objects: ObjectStore; table: Table; clock: Clock }): Engine {
  const topics = createTopics(ports.table, ports.clock);
  const parts = createLogParts({ ...ports, topics });
  return {
    append: (request) => translated(append(parts, request), 'read'),
    appendRecords: (request) => translated(appendRecords(parts, request), 'read'),
    fetch: (request) => translated(fetch(parts, request), 'read'),
    offsets: (request) => translated(offsets(parts, request), 'read'),
    newProducer: async () => ({ producerId: await translated(newProducerId(ports.table), 'write'), epoch: 0 }),
    createTopic: (request) => translated(topics.create(request), 'write'),
    listTopics: (request) => translated(topics.list(request), 'read'),
    describeTopic: (topic) => translated(topics.describe(topic), 'read'),
    describePartitions: (request) => translated(describePartitions(parts, request), 'read'),
    alterTopic: (request) => translated(topics.alter(request), 'write'),
    deleteTopic: (topic) => translated(topics.delete(topic), 'write'),
    groups: createGroups({ table: ports.table, clock: ports.clock, topics, log: parts }, translated),
  };
}

/**
 * Failures of the ports in the catalogue's words. An append's commit point translates its own (sequence.ts): what is left
 * of it here are reads before anything is written.
 */
async function translated<T>(work: Promise<T>, kind: 'read' | 'write'): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw storageFailure(error, false, kind === 'write');
  }
}
