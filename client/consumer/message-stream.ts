// A consumer's messages as a Web ReadableStream. The stream keeps no message of its own: it asks the consumer for one when
// its reader asks, so a slow reader slows the fetches down.
//
// Invariant: a message counts as handled when the reader asks for the next one, as in an iteration. Its end, whatever the
// reason, stops the consumer, which commits what was handled and leaves its group.
import type { ConsumedMessage } from '../message.ts';

type Source<K, V> = AsyncIterable<ConsumedMessage<K, V>> & { stop(): Promise<void> };

export function messageStream<K, V>(consumer: Source<K, V>): ReadableStream<ConsumedMessage<K, V>> {
  const messages = consumer[Symbol.asyncIterator]();
  return new ReadableStream<ConsumedMessage<K, V>>(
    {
      async pull(controller) {
        const next = await messages.next().catch((error: unknown) => stopAfter(consumer, error));
        if (next.done) controller.close();
        else controller.enqueue(next.value);
      },
      cancel: () => consumer.stop(),
    },
    { highWaterMark: 0 },
  );
}

/** The reader learns why its stream failed. A failure to stop after that adds nothing. */
async function stopAfter(consumer: Source<unknown, unknown>, error: unknown): Promise<never> {
  await consumer.stop().catch(() => undefined);
  throw error;
}
