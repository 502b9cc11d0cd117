// The head of a partition of a topic that is not deleted. A head that nobody has made yet is an empty partition.
import { RivuletError } from '../api/errors.ts';
import { deletedFence, emptyHead, type Head } from '../partition/head.ts';
import type { Topic } from '../topic/topics.ts';
import type { LogContext } from './context.ts';

/** Throws UNKNOWN_TOPIC_OR_PARTITION. 1 read unit if strong (the default), half a one if not. */
export async function liveHead(
  { heads, topics }: LogContext,
  { topic, topicId }: Topic,
  partition: number,
  options?: { readonly strong: boolean },
): Promise<Head> {
  const head = (await heads.read({ topicId, partition }, options)) ?? emptyHead;
  const isDeleted = head.fence === deletedFence;
  if (!isDeleted) return head;
  topics.forget(topic);
  throw new RivuletError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic} was deleted`);
}
