// This file reads the head of a partition whose topic is not deleted. A head that does not exist yet is read as an empty
// partition.
import { RivuletError } from '../api/errors.ts';
import { deletedFence, emptyHead, type Head } from '../partition/head.ts';
import type { Topic } from '../topic/topics.ts';
import type { LogContext } from './context.ts';

/** Throws UNKNOWN_TOPIC_OR_PARTITION. It costs 1 read unit if strong (the default), and half a unit if not. */
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
