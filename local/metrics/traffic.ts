// Counts the records and bytes of each topic, in and out of this process, by decorating the engine.
//
// Invariant: a topic is counted only when a request for it has succeeded, so callers who invent names make no series. The
// first topics that are used have series of their own; all further ones share the name `(other)`, which no topic can have.
import type { Engine } from '../../lib/api/engine.ts';
import type { AppendRecordsRequest, AppendRequest, PartitionError, PartitionRecords } from '../../lib/api/records.ts';
import type { StageReply } from '../../lib/api/transactions.ts';
import { readBatchHeader } from '../../lib/record/batch-header.ts';
import type { Family } from './exposition.ts';

const mostTopics = 1_000;
const otherTopics = '(other)';

export type Traffic = {
  /** Returns the same engine, with its traffic counted. */
  watch(engine: Engine): Engine;
  families(): Family[];
};

export function createTraffic(most = mostTopics): Traffic {
  const byTopic = new Map<string, Sums>();

  function add(topic: string, more: Partial<Sums>): void {
    const isEmpty = Object.values(more).every((value) => value === 0);
    if (isEmpty) return;
    const name = byTopic.has(topic) || byTopic.size < most ? topic : otherTopics;
    const sums = byTopic.get(name) ?? { recordsIn: 0, bytesIn: 0, recordsOut: 0, bytesOut: 0 };
    for (const [field, value] of Object.entries(more) as [keyof Sums, number][]) sums[field] += value;
    byTopic.set(name, sums);
  }

  return {
    watch: (engine) => ({ ...engine, ...readsOf(engine, add), ...writesOf(engine, add), ...stagesOf(engine, add) }),
    families: () => familiesOf(byTopic),
  };
}

type Sums = { recordsIn: number; bytesIn: number; recordsOut: number; bytesOut: number };
type Add = (topic: string, more: Partial<Sums>) => void;

const readsOf = (engine: Engine, add: Add): Pick<Engine, 'fetch' | 'fetchTopics'> => ({
  async fetch(request) {
    const reply = await engine.fetch(request);
    add(request.topic, outOf(reply.partitions));
    return reply;
  },
  async fetchTopics(request) {
    const replies = await engine.fetchTopics(request);
    for (const [i, partitions] of replies.entries()) add(request.topics[i]!.topic, outOf(partitions));
    return replies;
  },
});

const writesOf = (engine: Engine, add: Add): Pick<Engine, 'append' | 'appendRecords'> => ({
  async append(request) {
    const reply = await engine.append(request);
    const fresh = freshOf(reply.partitions);
    const recordsIn = fresh.reduce((sum, { baseOffset, lastOffset }) => sum + lastOffset - baseOffset + 1, 0);
    add(request.topic, { recordsIn, bytesIn: bytesOf(request, fresh) });
    return reply;
  },
  async appendRecords(request) {
    const reply = await engine.appendRecords(request);
    add(request.topic, jsonTraffic(request, reply.records));
    return reply;
  },
});

/** Records of a transaction count when they are sent, as in Kafka, whether it is committed or not. */
function stagesOf(engine: Engine, add: Add): Pick<Engine, 'transactions' | 'producerTransactions'> {
  const { transactions, producerTransactions } = engine;
  const staged = (request: AppendRequest, reply: StageReply): StageReply => {
    add(request.topic, { recordsIn: recordsOf(reply), bytesIn: bytesOf(request, freshOf(reply.partitions)) });
    return reply;
  };
  return {
    transactions: {
      ...transactions,
      stage: async (request) => staged(request, await transactions.stage(request)),
      async stageRecords(request) {
        const reply = await transactions.stageRecords(request);
        const isWhole = reply.partitions.every((one) => !('error' in one) && !one.duplicate);
        add(request.topic, { recordsIn: recordsOf(reply), bytesIn: isWhole ? sizeOf(request.records) : 0 });
        return reply;
      },
    },
    producerTransactions: {
      ...producerTransactions,
      stage: async (request) => staged(request, await producerTransactions.stage(request)),
    },
  };
}

function familiesOf(byTopic: ReadonlyMap<string, Sums>): Family[] {
  const of = (name: string, help: string, field: keyof Sums): Family => ({
    ...{ name: `rivulet_topic_${name}_total`, help, type: 'counter' },
    samples: [...byTopic].map(([topic, sums]) => [{ topic }, sums[field]]),
  });
  return [
    of('records_in', 'Records that this process has appended to the topic or staged for it', 'recordsIn'),
    of('bytes_in', 'Bytes of these records, as they were sent: batches, or keys and values of JSON', 'bytesIn'),
    of('records_out', 'Records that this process has read for consumers', 'recordsOut'),
    of('bytes_out', 'Bytes of the batches of these records', 'bytesOut'),
  ];
}

type Done = { readonly partition: number; readonly duplicate: boolean };

/** Repeats were counted the first time. */
const freshOf = <T extends Done>(results: readonly (T | PartitionError)[]): T[] =>
  results.filter((one): one is T => !('error' in one) && !one.duplicate);

const recordsOf = ({ partitions }: StageReply): number =>
  freshOf(partitions).reduce((sum, { records }) => sum + records, 0);

function bytesOf(request: AppendRequest, done: readonly Done[]): number {
  const partitions = new Set(done.map(({ partition }) => partition));
  return request.partitions.reduce(
    (sum, { partition, batches }) => sum + (partitions.has(partition) ? batches.length : 0),
    0,
  );
}

const sizeOf = (records: AppendRecordsRequest['records']): number =>
  records.reduce((sum, { key, value }) => sum + (key?.length ?? 0) + (value?.length ?? 0), 0);

function jsonTraffic({ records }: AppendRecordsRequest, results: readonly (Done | PartitionError)[]): Partial<Sums> {
  const fresh = records.filter((_, i) => freshOf([results[i]!]).length > 0);
  return { recordsIn: fresh.length, bytesIn: sizeOf(fresh) };
}

function outOf(partitions: readonly (PartitionRecords | PartitionError)[]): Partial<Sums> {
  const batches = partitions.flatMap((one) => ('error' in one ? [] : one.batches));
  return {
    recordsOut: batches.reduce((sum, batch) => sum + readBatchHeader(batch).recordCount, 0),
    bytesOut: batches.reduce((sum, { length }) => sum + length, 0),
  };
}
