// Where a subscription delivers to, and where it sends what it gave up, as one word each. The command line and the console say
// the same.
import type { FailureDestination, SubscriptionTarget } from '../lib/api/push.ts';

export const targetText = (target: SubscriptionTarget): string => ('url' in target ? target.url : target.function);

export const targetIn = (kind: 'webhook' | 'function', text: string): SubscriptionTarget =>
  kind === 'webhook' ? { url: text } : { function: text };

export const destinationIn = (text: string): FailureDestination =>
  text.startsWith('arn:') ? { queue: text } : { topic: text };
