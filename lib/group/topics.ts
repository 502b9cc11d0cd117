// Finds the topics that a request names. Each topic is found or refused on its own, so one bad name does not fail the
// others.

import { RivuletError } from '../api/errors.ts';
import { refused } from '../api/refusal.ts';
import type { TopicRef } from '../api/topics.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { covers, readTopicAgain, topicWith } from '../topic/current.ts';
import type { Topic, Topics } from '../topic/topics.ts';

export type ResolvedTopic = Topic | RivuletError;

type Named = TopicRef & { readonly partitions?: readonly (number | { readonly partition: number })[] };

/**
 * Uses a copy of the topic that is a few seconds old, if the request has the id of the topic and names no partition
 * that the copy lacks. If the request had the name alone, a re-created topic would be taken for the deleted one, whose
 * offsets must not be found any more.
 */
export function resolveEach(topics: Topics, refs: readonly Named[]): Promise<ResolvedTopic[]> {
  return inParallel(refs, 16, (ref) => refusedAsValue(resolve(topics, ref)));
}

/**
 * For commits of members. The write of such a commit requires the member's own term, and a term begins only in a topic
 * that exists. So a copy of any age is enough, if it has the id that the request gives (docs/adr/0010).
 */
export function resolveOwned(topics: Topics, refs: readonly Named[]): Promise<ResolvedTopic[]> {
  return inParallel(refs, 16, async (ref) => {
    const copy = topics.lastKnown(ref.topic);
    return copy && copy.topicId === ref.topicId && covers(copy, numbersOf(ref))
      ? copy
      : refusedAsValue(resolve(topics, ref));
  });
}

/** Reads each topic again, whatever copies this process has. */
export function resolveAnew(topics: Topics, refs: readonly TopicRef[]): Promise<ResolvedTopic[]> {
  return inParallel(refs, 16, (ref) => refusedAsValue(readTopicAgain(topics, ref)));
}

async function resolve(topics: Topics, ref: Named): Promise<Topic> {
  if (ref.topicId === undefined) return readTopicAgain(topics, ref);
  return topicWith(topics, ref, numbersOf(ref));
}

const numbersOf = ({ partitions = [] }: Named): number[] =>
  partitions.map((one) => (typeof one === 'number' ? one : one.partition));

async function refusedAsValue(resolving: Promise<Topic>): Promise<ResolvedTopic> {
  try {
    return await resolving;
  } catch (error) {
    if (error instanceof RivuletError) return error;
    throw error;
  }
}

/** Two changes of one partition in one step would have no order, so a request names each topic only once. */
export function checkNamedOnce(refs: readonly TopicRef[]): void {
  const seen = new Set<string>();
  const twice = refs.find(({ topic }) => seen.size === seen.add(topic).size);
  if (twice) throw refused('INVALID_REQUEST', `topics: expected each topic once, got ${twice.topic} twice`);
}
