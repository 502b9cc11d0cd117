// A topic as a Web WritableStream of messages. A write does not wait for its record's answer, because batches would then hold
// one record each. So the stream counts the records without an answer, and a write waits while they are too many.
//
// Invariant: close() and abort() wait until every record has its outcome. The first failure ends the stream, and nothing that
// is written later is sent.
import { isClientError, RivuletClientError } from '../client-error.ts';
import type { Message } from '../message.ts';
import type { RecordMetadata } from '../record-metadata.ts';
import { checkFunctions, wholeOption } from '../whole-option.ts';
import type { Sender } from './sender.ts';

export type WritableOptions = {
  readonly topic: string;
  /** A write waits while this many records have no answer yet. From 1 to 1,000,000, default 1,000. */
  readonly maxUnanswered?: number;
  /**
   * Called once for each record that was written to the stream, with its index (0 is the first) and its place in the log or
   * its error, also after an abort. Must not throw.
   */
  readonly onResult?: (index: number, result: RecordMetadata | RivuletClientError) => void;
};

export function recordSink<K, V>(sender: Sender<K, V>, options: WritableOptions): WritableStream<Message<K, V>> {
  const bounds = { fallback: 1_000, min: 1, max: 1_000_000 };
  const maxUnanswered = wholeOption('maxUnanswered', options.maxUnanswered, bounds);
  checkFunctions(options, ['onResult']);
  const sink = new RecordSink(sender, options, maxUnanswered);
  return new WritableStream({
    start: (controller) => sink.start((error) => controller.error(error)),
    write: (message) => sink.write(message),
    close: () => sink.end(),
    abort: () => sink.end(),
  });
}

class RecordSink<K, V> {
  readonly #sender: Sender<K, V>;
  readonly #options: WritableOptions;
  readonly #maxUnanswered: number;
  readonly #unanswered = new Set<Promise<void>>();
  #next = 0;
  #failure: RivuletClientError | undefined;
  #fail: (error: RivuletClientError) => void = () => undefined;
  #flushing: Promise<void> | undefined;
  #whenAnswered: (() => void) | undefined;

  constructor(sender: Sender<K, V>, options: WritableOptions, maxUnanswered: number) {
    this.#sender = sender;
    this.#options = options;
    this.#maxUnanswered = maxUnanswered;
  }

  start(fail: (error: RivuletClientError) => void): void {
    this.#fail = fail;
  }

  async write(message: Message<K, V>): Promise<void> {
    this.#send(this.#next++, message);
    while (this.#unanswered.size >= this.#maxUnanswered) {
      // No more records can come before an answer, so nothing should linger.
      this.#flushing ??= this.#sender.flush().finally(() => (this.#flushing = undefined));
      await new Promise<void>((done) => (this.#whenAnswered = done));
    }
  }

  #send(index: number, message: Message<K, V>): void {
    const answered = this.#sender
      .send({ topic: this.#options.topic, messages: [message] })
      .then(
        ([written]) => this.#options.onResult?.(index, written!),
        (error: unknown) => this.#failed(index, error),
      )
      .then(() => {
        this.#unanswered.delete(answered);
        this.#whenAnswered?.();
      });
    this.#unanswered.add(answered);
  }

  #failed(index: number, cause: unknown): void {
    const error = errorOfRecord(index, cause);
    this.#options.onResult?.(index, error);
    if (this.#failure) return;
    this.#failure = error;
    this.#fail(error);
  }

  /** Sends what lingers, and waits for all answers. Throws the first failure. */
  async end(): Promise<void> {
    await this.#sender.flush();
    await Promise.all(this.#unanswered);
    if (this.#failure) throw this.#failure;
  }
}

/** The error of the record's send, which names the record by its index in the stream. */
function errorOfRecord(index: number, cause: unknown): RivuletClientError {
  if (!isClientError(cause))
    return new RivuletClientError('UNKNOWN_SERVER_ERROR', `record ${index}: ${cause}`, { cause });
  const { errorCode, detail } = cause;
  const { outcome, retriable, status, topic, partition, extra, requestId } = cause;
  const details = { outcome, retriable, status, topic, partition, requestId, cause };
  return new RivuletClientError(errorCode, `record ${index}: ${detail}`, { ...details, extra: { ...extra, index } });
}
