// What the log's half of the engine and the groups' half share: the caches of topics and heads, and the words for failures.

import { createLogParts, type LogParts } from './log/context.ts';
import { storageFailure } from './log/sequence.ts';
import type { Clock } from './runtime/clock.ts';
import type { ObjectStore } from './storage/object-store.ts';
import type { Table } from './storage/table.ts';
import { createTopics, type Topics } from './topic/topics.ts';

export type Ports = {
  readonly objects: ObjectStore;
  readonly table: Table;
  readonly clock: Clock;
  /** No other engine writes to these ports: then whoever waits need not look at what nothing was appended to. Default: false. */
  readonly isOnlyWriter?: boolean;
};

export type EngineParts = {
  readonly table: Table;
  readonly clock: Clock;
  readonly topics: Topics;
  readonly log: LogParts;
};

export function createParts(ports: Ports): EngineParts {
  const topics = createTopics(ports.table, ports.clock);
  return { table: ports.table, clock: ports.clock, topics, log: createLogParts({ ...ports, topics }) };
}

/**
 * Failures of the ports in the catalogue's words. An append's commit point translates its own (sequence.ts): what is left
 * of it here are reads before anything is written.
 */
export async function translated<T>(work: Promise<T>, kind: 'read' | 'write'): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw storageFailure(error, false, kind === 'write');
  }
}
