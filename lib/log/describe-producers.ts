// Lists the idempotent producers that the head of a partition remembers. Producers of an Idempotency-Key and of transactions are
// there under numbers that no client knows, and are left out.
import type { ActiveProducer, PartitionError, ProducersOfPartition } from '../api/records.ts';
import type { TopicRef } from '../api/topics.ts';
import { type Head, producerIdOf } from '../partition/head.ts';
import { firstTransactionalId } from '../producer/ids.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { withCurrentTopic } from '../topic/current.ts';
import { unknownPartition } from '../topic/partitions.ts';
import type { LogContext } from './context.ts';
import { liveHead } from './live-head.ts';

const headsAtOnce = 64;
const sequenceSpace = 2 ** 31;

type Request = TopicRef & { readonly partitions: readonly number[] };
type Result = ProducersOfPartition | PartitionError;

export function describeProducers(context: LogContext, request: Request): Promise<Result[]> {
  return withCurrentTopic(context.topics, request, async () => {
    const topic = await context.topics.resolve(request);
    return inParallel(request.partitions, headsAtOnce, async (partition) => {
      const error = unknownPartition(topic, partition);
      if (error) return { partition, error };
      return { partition, producers: producersIn(await liveHead(context, topic, partition)) };
    });
  });
}

const producersIn = (head: Head): ActiveProducer[] =>
  head.residents
    .map(producerIdOf)
    .filter((producerId) => producerId < firstTransactionalId)
    .map((producerId) => {
      const { epoch, nextSequence } = head.producer(producerId)!;
      const lastSequence = (nextSequence + sequenceSpace - 1) % sequenceSpace;
      return { producerId, producerEpoch: epoch, lastSequence };
    });
