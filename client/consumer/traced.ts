// A consumer tells its Tracing of each batch that it takes, and of each call of a handler.
import type { ConsumedMessage } from '../message.ts';
import type { ReceivedMessages, Tracing } from '../tracing.ts';
import type { Handlers } from './handlers.ts';

export function tracedHandlers<K, V>(
  handlers: Handlers<K, V>,
  tracing: Tracing | undefined,
  groupId: string | undefined,
): Handlers<K, V> {
  if (!tracing) return handlers;
  const { concurrency = 1, eachMessage, eachBatch } = handlers;
  if (eachBatch)
    return { concurrency, eachBatch: (batch) => tracing.process({ ...batch, groupId }, () => eachBatch(batch)) };
  const messageOf = (message: ConsumedMessage<K, V>): ReceivedMessages => {
    const { topic, partition } = message;
    return { topic, partition, groupId, messages: [message] };
  };
  return {
    concurrency,
    eachMessage: (message) => tracing.process(messageOf(message), () => eachMessage(message)),
  };
}

type Batch = {
  readonly assigned: { readonly topic: string; readonly partition: number };
  readonly messages: readonly ConsumedMessage<unknown, unknown>[];
};

/** Takes batches by `next`, and tells of each. A consumer may wait for hours; what is told begins one poll earlier at most. */
export function tracedReceive<B extends Batch>(
  next: () => Promise<B | undefined>,
  { tracing, groupId, maxWaitMs }: { tracing: Tracing | undefined; groupId: string | undefined; maxWaitMs: number },
  nowMs: () => number,
): () => Promise<B | undefined> {
  if (!tracing) return next;
  return async () => {
    const askedMs = nowMs();
    const batch = await next();
    if (!batch) return undefined;
    const { assigned, messages } = batch;
    const { topic, partition } = assigned;
    tracing.received({ topic, partition, groupId, messages }, Math.max(askedMs, nowMs() - maxWaitMs));
    return batch;
  };
}
