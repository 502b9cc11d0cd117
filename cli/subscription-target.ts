// Where a subscription delivers to, and where it sends what it gave up, as one word each, and why it delivers nothing. The command
// line and the console say the same.
import type { FailureDestination, SubscriptionSummary, SubscriptionTarget } from '../lib/api/push.ts';

export const targetText = (target: SubscriptionTarget): string => ('url' in target ? target.url : target.function);

export const targetIn = (kind: 'webhook' | 'function', text: string): SubscriptionTarget =>
  kind === 'webhook' ? { url: text } : { function: text };

export const destinationIn = (text: string): FailureDestination =>
  text.startsWith('arn:') ? { queue: text } : { topic: text };

/** Undefined while the state says everything. */
export function stateNote({
  topic,
  state,
  pausedReason,
}: Pick<SubscriptionSummary, 'topic' | 'state' | 'pausedReason'>): string | undefined {
  if (state === 'TopicDeleted')
    return `the topic ${topic} was deleted, or made again: create the subscription again, or delete it`;
  return pausedReason === undefined ? undefined : `it is paused: ${pausedReason}`;
}
