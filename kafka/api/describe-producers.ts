// DescribeProducers (61). Lists the idempotent producers that a partition remembers.
//
// Version 0. Deviations: a partition does not remember when a producer wrote last. Producers with a transactional id are not
// listed: their batches come under a number of their own when the transaction commits.
import type { ActiveProducer, PartitionError, ProducersOfPartition } from '../../lib/api/records.ts';
import { defineApi, type Gateway } from '../api.ts';
import { code, messageOf, readCode } from '../errors.ts';

type Request = { readonly topics: readonly TopicRequest[] };
type TopicRequest = { readonly name: string; readonly partitionIndexes: readonly number[] };

type Reply = { readonly topics: readonly { readonly name: string; readonly partitions: readonly PartitionReply[] }[] };

type PartitionReply = {
  readonly partitionIndex: number;
  readonly errorCode: number;
  readonly errorMessage?: string;
  readonly activeProducers: readonly ProducerReply[];
};

type ProducerReply = {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly lastSequence: number;
  /** -1: there are no coordinators. */
  readonly coordinatorEpoch: number;
};

export const describeProducers = defineApi<Request, Reply>({
  key: 61,
  versions: [0, 0],
  overlaps: true,
  takesTurns: true,
  async answer(gateway, { topics }) {
    const replies = [];
    for (const [name, asked] of Map.groupBy(topics, (topic) => topic.name)) {
      const partitions = [...new Set(asked.flatMap(({ partitionIndexes }) => partitionIndexes))];
      replies.push({ name, partitions: await describe(gateway, name, partitions) });
    }
    return { topics: replies };
  },
});

async function describe({ engine }: Gateway, topic: string, partitions: readonly number[]): Promise<PartitionReply[]> {
  try {
    return (await engine.describeProducers({ topic, partitions })).map(replyOf);
  } catch (error) {
    return partitions.map((partition) => failed(partition, error));
  }
}

function replyOf(found: ProducersOfPartition | PartitionError): PartitionReply {
  if ('error' in found) return failed(found.partition, found.error);
  return {
    partitionIndex: found.partition,
    errorCode: code.none,
    activeProducers: found.producers.map(producerOf),
  };
}

const producerOf = ({ producerId, producerEpoch, lastSequence }: ActiveProducer): ProducerReply => ({
  ...{ producerId, producerEpoch, lastSequence, coordinatorEpoch: -1 },
});

const failed = (partitionIndex: number, error: unknown): PartitionReply => ({
  ...{ partitionIndex, errorCode: readCode(error), errorMessage: messageOf(error), activeProducers: [] },
});
