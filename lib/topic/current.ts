// Copies of topics grow old: partitions are added, and a topic is deleted and another one created under its name. This is
// the one place that decides when a copy does not do and the topic is read again.
import { RivuletError } from '../api/errors.ts';
import type { TopicRef } from '../api/topics.ts';
import type { Topic, Topics } from './topics.ts';

export function readTopicAgain(topics: Topics, ref: TopicRef): Promise<Topic> {
  topics.forget(ref.topic);
  return topics.resolve(ref);
}

export const covers = (copy: Topic, partitions: readonly number[]): boolean =>
  partitions.every((partition) => partition < copy.partitions);

/** A partition that our copy of the topic does not know may have been added since. */
export async function topicWith(topics: Topics, ref: TopicRef, partitions: readonly number[]): Promise<Topic> {
  const copy = await topics.resolve(ref);
  return covers(copy, partitions) ? copy : readTopicAgain(topics, ref);
}

/**
 * Our copy may be of a topic that was deleted, while another one has its name by now. Then the work is done once more,
 * unless the caller meant the deleted topic by its id.
 */
export async function withCurrentTopic<T>(topics: Topics, ref: TopicRef, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const isGone = error instanceof RivuletError && error.errorCode === 'UNKNOWN_TOPIC_OR_PARTITION';
    if (!isGone || ref.topicId !== undefined) throw error;
    topics.forget(ref.topic);
    return work();
  }
}
