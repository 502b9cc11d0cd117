// What one send() is waiting for: a result for each of its messages, which come batch by batch. One promise for all of
// them, however many.
import type { RivuletClientError } from '../client-error.ts';
import type { RecordMetadata } from '../record-metadata.ts';

export type MessageResult = RecordMetadata | RivuletClientError;

export class Delivery {
  /** Resolves also when messages have failed: what they met is among the results. */
  readonly promise: Promise<readonly MessageResult[]>;
  readonly #results: MessageResult[];
  readonly #whenDone: () => void;
  readonly #resolve: (results: readonly MessageResult[]) => void;
  #left: number;

  /** One message at least. `whenDone` is called once, before the promise resolves. */
  constructor(messages: number, whenDone: () => void) {
    this.#left = messages;
    this.#whenDone = whenDone;
    this.#results = new Array(messages);
    const { promise, resolve } = Promise.withResolvers<readonly MessageResult[]>();
    this.promise = promise;
    this.#resolve = resolve;
  }

  /** What became of one message: once for each. */
  settle(index: number, result: MessageResult): void {
    this.#results[index] = result;
    if (--this.#left > 0) return;
    this.#whenDone();
    this.#resolve(this.#results);
  }

  /** Before any message has a result. */
  failAll(error: RivuletClientError): void {
    for (let index = this.#results.length; index-- > 0; ) this.settle(index, error);
  }
}
