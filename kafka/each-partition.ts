// Answers for each partition of a request, so many at a time, in the order of the request.
import { inParallel } from '../lib/runtime/concurrency.ts';

const partitionsAtOnce = 64;
/** Each costs a read of its head. A client that wants more asks in several requests. */
export const mostPartitions = 4_096;

type Topic<Asked> = { readonly partitions: readonly Asked[] };

export const countPartitions = (topics: readonly Topic<unknown>[]): number =>
  topics.reduce((sum, { partitions }) => sum + partitions.length, 0);

/** Every partition gets `tooMany` if there are too many. */
export async function eachPartition<Asked, Reply, T extends Topic<Asked>>(
  topics: readonly (T & Topic<Asked>)[],
  tooMany: (asked: Asked) => Reply,
  answer: (topic: T, asked: Asked) => Promise<Reply>,
): Promise<Reply[][]> {
  if (countPartitions(topics) > mostPartitions) return topics.map(({ partitions }) => partitions.map(tooMany));
  const replies: Reply[][] = [];
  for (const topic of topics)
    replies.push(await inParallel(topic.partitions, partitionsAtOnce, (asked) => answer(topic, asked)));
  return replies;
}
