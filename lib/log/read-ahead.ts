// This file guesses what a reader asks for after a full reply.
import type { FetchReply, FetchRequest, PartitionFetch } from '../api/records.ts';
import { readBatchHeader } from '../record/batch-header.ts';

/**
 * Partitions that got records continue behind these, and go to the end. Our SDK and Kafka's clients do the same, because the
 * others must come first next time.
 */
export function afterReply(request: FetchRequest, got: FetchReply['partitions']): FetchRequest {
  const ends = new Map(
    got.flatMap((result) => {
      const last = 'batches' in result ? result.batches.at(-1) : undefined;
      return last ? [[result.partition, endOf(last)] as const] : [];
    }),
  );
  const isServed = ({ partition }: PartitionFetch) => ends.has(partition);
  const served = request.partitions.filter(isServed);
  const others = request.partitions.filter((part) => !isServed(part));
  const moved = served.map((part) => ({ ...part, offset: ends.get(part.partition)! }));
  return { ...request, partitions: [...others, ...moved] };
}

function endOf(batch: Uint8Array): number {
  const { baseOffset, lastOffsetDelta } = readBatchHeader(batch);
  return baseOffset + lastOffsetDelta + 1;
}
