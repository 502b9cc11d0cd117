// The functions of subscriptions share this context. It keeps nothing between calls, so any process may run any delivery, and
// several may run the same one.
import type { PushPorts } from '../api/push.ts';
import { RivuletError } from '../api/errors.ts';
import { refused } from '../api/refusal.ts';
import type { GroupContext } from '../group/context.ts';
import type { LogContext } from '../log/context.ts';

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
