// A delivery collects what one send() waits for: a result for each of its messages. The results come batch by batch. All
// messages share one promise, however many they are.
import { errorOfParts, isClientError, type RivuletClientError } from '../client-error.ts';
import type { OutgoingRecord } from '../message.ts';
import type { RecordMetadata } from '../record-metadata.ts';

export type MessageResult = RecordMetadata | RivuletClientError;

export class Delivery {
  /** Resolves even when messages have failed: their errors are among the results. */
  readonly promise: Promise<readonly MessageResult[]>;
  /** Called when all messages are in the queues of their partitions. */
  whenAppended:
    | ((topic: string, records: readonly OutgoingRecord[], partitions: readonly number[]) => void)
    | undefined;
  readonly #results: MessageResult[];
  readonly #whenDone: () => void;
  readonly #resolve: (results: readonly MessageResult[]) => void;
  #left: number;

  /** A delivery has at least one message. `whenDone` is called once, before the promise resolves. */
  constructor(messages: number, whenDone: () => void) {
    this.#left = messages;
    this.#whenDone = whenDone;
    this.#results = new Array(messages);
    let resolve!: (results: readonly MessageResult[]) => void;
    this.promise = new Promise((settle) => {
      resolve = settle;
    });
    this.#resolve = resolve;
  }

  /** Stores the result of one message. Call it exactly once for each message. */
  settle(index: number, result: MessageResult): void {
    this.#results[index] = result;
    if (--this.#left > 0) return;
    this.#whenDone();
    this.#resolve(this.#results);
  }

  /** Fails all messages. Call it only before any message has a result. */
  failAll(error: RivuletClientError): void {
    for (let index = this.#results.length; index-- > 0; ) this.settle(index, error);
  }
}

/**
 * The answer to a send with acks 0: what is known when the messages are in their queues, or the error that kept them out.
 * `onError` gets what goes wrong after that.
 */
export function unacknowledged(
  delivery: Delivery,
  onError: ((error: RivuletClientError) => void) | undefined,
): Promise<readonly MessageResult[]> {
  return new Promise((resolve) => {
    void delivery.promise.then(resolve);
    delivery.whenAppended = (topic, records, partitions) => {
      resolve(
        records.map(({ timestampMs: timestamp }, at) => ({ topic, partition: partitions[at]!, offset: -1, timestamp })),
      );
      void delivery.promise.then((results) => {
        if (results.some(isClientError)) onError?.(errorOfParts(results));
      });
    };
  });
}
