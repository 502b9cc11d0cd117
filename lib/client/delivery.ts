// What one send() is waiting for: a result for each of its messages, which come batch by batch. One promise for all of
// them, however many.
import { isClientError, type RivuletClientError } from './client-error.ts';
import type { RecordMetadata } from './record-metadata.ts';

export class Delivery {
  readonly promise: Promise<RecordMetadata[]>;
  readonly #results: (RecordMetadata | RivuletClientError)[];
  readonly #whenDone: () => void;
  #left: number;
  #failures = 0;
  #resolve!: (results: RecordMetadata[]) => void;
  #reject!: (error: RivuletClientError) => void;

  /** One message at least. `whenDone` is called once, before the promise settles. */
  constructor(messages: number, whenDone: () => void) {
    this.#left = messages;
    this.#whenDone = whenDone;
    this.#results = new Array(messages);
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  written(index: number, metadata: RecordMetadata): void {
    this.#results[index] = metadata;
    if (--this.#left === 0) this.#finish();
  }

  failed(index: number, error: RivuletClientError): void {
    this.#results[index] = error;
    this.#failures++;
    if (--this.#left === 0) this.#finish();
  }

  /** Before any message has a result. */
  failAll(error: RivuletClientError): void {
    for (let index = this.#results.length; index-- > 0; ) this.failed(index, error);
  }

  #finish(): void {
    this.#whenDone();
    if (this.#failures === 0) this.#resolve(this.#results as RecordMetadata[]);
    else this.#reject(this.#results.find(isClientError)!.with({ results: this.#results }));
  }
}
