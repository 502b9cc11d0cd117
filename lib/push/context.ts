// The functions of subscriptions share this context. It keeps nothing between calls, so any process may run any delivery, and
// several may run the same one.

import { RivuletError } from '../api/errors.ts';
import type { PushPorts } from '../api/push.ts';
import { refused } from '../api/refusal.ts';
import type { GroupContext } from '../group/context.ts';
import type { LogContext } from '../log/context.ts';
import type { Topic } from '../topic/topics.ts';

export type PushContext = GroupContext & PushPorts;

export const createPushContext = (log: LogContext, ports: PushPorts): PushContext => {
  const { table, clock, topics } = log;
  return { table, clock, topics, log, ...ports };
};

export const unknownSubscription = (topic: string, groupId: string) =>
  refused('SUBSCRIPTION_NOT_FOUND', `group ${groupId} has no subscription to topic ${topic}`);

export const isTopicGone = (error: unknown): boolean =>
  error instanceof RivuletError &&
  (error.errorCode === 'UNKNOWN_TOPIC_OR_PARTITION' || error.errorCode === 'INCONSISTENT_TOPIC_ID');

export type OfTopic = { readonly topic: string; readonly topicId: string };

/** The topic as it is now. Undefined if it was deleted, also if another one has its name by now. */
export async function topicOf(
  { topics }: Pick<PushContext, 'topics'>,
  { topic, topicId }: OfTopic,
): Promise<Topic | undefined> {
  topics.forget(topic);
  try {
    return await topics.resolve({ topic, topicId });
  } catch (error) {
    if (isTopicGone(error)) return undefined;
    throw error;
  }
}
