// Reads messages of a group, transforms them, writes the results and commits the offsets, each batch in one transaction. So
// every input has its effect once, whatever dies: a transaction that was not committed left nothing, and its inputs are
// read again.
//
// Invariant: only the member that owns a partition can commit its offsets, and the results go with the offsets. A member
// that has lost a partition, and does not know it yet, can commit neither.
//
// Trap: a commit without an answer may have been done, and the same member could commit the same inputs once more. So a
// transaction is ended for certain before its inputs are read again, and they are read from the committed offset on.

import { limits } from '../lib/api/limits.ts';
import type { Clock } from '../lib/runtime/clock.ts';
import { invalid, isClientError, type RivuletClientError } from './client-error.ts';
import type { Consumer } from './consumer/consumer.ts';
import type { ConsumerOptions } from './consumer/consumer-options.ts';
import type { MessageBatch } from './consumer/handlers.ts';
import { grouped } from './grouped.ts';
import type { ConsumedMessage, Message, MessageBytes } from './message.ts';
import { mayHaveActed, saysEnded } from './producer/end-errors.ts';
import type { Producer } from './producer/producer.ts';
import type { ProducerOptions } from './producer/producer-options.ts';
import type { TopicMessages } from './producer/sender.ts';
import type { Transaction } from './producer/transaction.ts';
import { pause } from './transport/retry.ts';

/** A result. It goes to `topic`, or to the topic of the option `to`. */
export type Result<RK = MessageBytes, RV = MessageBytes> = Message<RK, RV> & { readonly topic?: string };
export type Results<RK = MessageBytes, RV = MessageBytes> =
  | Result<RK, RV>
  | readonly Result<RK, RV>[]
  | null
  | undefined;

/** `K` and `V` are what the consumer's deserializers make, `RK` and `RV` what the producer's serializers take. */
export type ExactlyOnceOptions<K = Buffer, V = Buffer, RK = MessageBytes, RV = MessageBytes> = {
  readonly groupId: string;
  /** The topics to be read. */
  readonly from: string | readonly string[];
  /** The topic of results that name none. */
  readonly to?: string;
  /** Returns the results of one message: one, several, or none. It must have no other effects, because it may run again. */
  readonly transform: (message: ConsumedMessage<K, V>) => Results<RK, RV> | Promise<Results<RK, RV>>;
  /** Further options of the consumer and of the producer. */
  readonly consumer?: Omit<ConsumerOptions<K, V>, 'groupId' | 'autoCommit'>;
  readonly producer?: Omit<ProducerOptions<RK, RV>, 'transactionalId' | 'idempotent'>;
};

export type ExactlyOnceParts<K, V, RK, RV> = {
  readonly consumer: Consumer<K, V>;
  readonly producer: Producer<RK, RV>;
};

/** After these, the batch is read and sent again in another transaction. */
const passing: ReadonlySet<string> = new Set(['INVALID_PRODUCER_EPOCH', 'UNKNOWN_MEMBER_ID']);
const firstPauseMs = 50;
const longestPauseMs = 5_000;

const randomBytesOfId = 9;
/** cdk/access.ts grants the ids of a group by this word and their length: an id that was made by hand has not both by chance. */
const idWord = '.exactly-once.';
const mostGroupCharacters = limits.nameLength - idWord.length - 2 * randomBytesOfId;

/** Ownership of the partitions fences zombies, so each instance has an id of its own. */
export function newTransactionalId(groupId: string, clock: Clock): string {
  if (typeof groupId !== 'string') throw invalid(`groupId: expected text, got ${typeof groupId}`);
  if (groupId.length > mostGroupCharacters)
    throw invalid(
      `groupId: expected at most ${mostGroupCharacters} characters, because a transactional id is made of it, got '${groupId.slice(0, 300)}' with ${groupId.length}`,
    );
  return `${groupId}${idWord}${Buffer.from(clock.randomBytes(randomBytesOfId)).toString('hex')}`;
}

export class ExactlyOnce<K = Buffer, V = Buffer, RK = MessageBytes, RV = MessageBytes> {
  readonly #options: ExactlyOnceOptions<K, V, RK, RV>;
  readonly #consumer: Consumer<K, V>;
  readonly #producer: Producer<RK, RV>;
  #failures = 0;
  #isStopping = false;

  constructor(options: ExactlyOnceOptions<K, V, RK, RV>, { consumer, producer }: ExactlyOnceParts<K, V, RK, RV>) {
    if (typeof options.transform !== 'function')
      throw invalid(`transform: expected a function, got ${typeof options.transform}`);
    this.#options = options;
    this.#consumer = consumer;
    this.#producer = producer;
    const { from } = options;
    consumer.subscribe({ topics: typeof from === 'string' ? [from] : [...from] });
  }

  /** Works until stop(). Rejects with the error that `transform` throws, or with a RivuletClientError that no retry mends. */
  run(): Promise<void> {
    return this.#consumer.run({ eachBatch: (batch) => this.#work(batch) });
  }

  /** Finishes the batch at hand, and leaves the group. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#consumer.stop();
    await this.#producer.disconnect();
  }

  async #work(batch: MessageBatch<K, V>): Promise<void> {
    let transaction: Transaction<RK, RV> | undefined;
    try {
      transaction = await this.#producer.transaction();
      await this.#send(transaction, batch);
      await transaction.commit();
      this.#failures = 0;
    } catch (error) {
      if (!isPassing(error)) {
        await transaction?.abort().catch(() => {});
        throw error;
      }
      await this.#pause();
      await this.#repeating(() => abortForCertain(transaction));
      await this.#repeating(() => this.#readAgain(batch));
    }
  }

  async #send(transaction: Transaction<RK, RV>, { topic, partition, messages }: MessageBatch<K, V>): Promise<void> {
    const results = await Promise.all(messages.map((message) => this.#options.transform(message)));
    const topicMessages = this.#byTopic(results.flatMap((one) => listOf(one)));
    const partitions = [{ partition, offset: messages.at(-1)!.offset + 1 }];
    await Promise.all([
      topicMessages.length > 0 && transaction.sendBatch({ topicMessages }),
      transaction.sendOffsets({ consumer: this.#consumer, topics: [{ topic, partitions }] }),
    ]);
  }

  #byTopic(results: readonly Result<RK, RV>[]): TopicMessages<RK, RV>[] {
    const groups = grouped(results, ({ topic }) => topic ?? this.#options.to);
    return [...groups].map(([topic, messages]) => {
      if (topic === undefined)
        throw invalid('transform: expected a topic in each result, because the option to is missing');
      return { topic, messages };
    });
  }

  /** The batch stays at hand until this succeeds, or stop() is called. */
  async #repeating(step: () => Promise<void>): Promise<void> {
    while (!this.#isStopping)
      try {
        return await step();
      } catch (error) {
        if (!isPassing(error)) throw error;
        await this.#pause();
      }
  }

  /** The partition may belong to another member by now, which reads what is left of the batch. */
  async #readAgain({ topic, partition, messages }: MessageBatch<K, V>): Promise<void> {
    const committed = (await this.#consumer.committed(topic)).find((one) => one.partition === partition);
    const isOurs = this.#consumer.assignment().some((one) => one.topic === topic && one.partition === partition);
    const first = messages[0]!.offset;
    const isDone = committed !== undefined && committed.offset > first;
    if (isOurs) this.#consumer.seek({ topic, partition, offset: isDone ? committed.offset : first });
  }

  #pause(): Promise<void> {
    return pause(Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(this.#failures++, 10)));
  }
}

const listOf = <RK, RV>(results: Results<RK, RV>): readonly Result<RK, RV>[] =>
  results === null || results === undefined ? [] : Array.isArray(results) ? results : [results as Result<RK, RV>];

const isPassing = (error: unknown): error is RivuletClientError =>
  saysEnded(error) ||
  mayHaveActed(error) ||
  (isClientError(error) && (error.retriable || passing.has(error.errorCode)));

/** If the transaction was committed, or the next instance has ended it, the abort is refused, and that is an answer too. */
async function abortForCertain(transaction: Transaction<never, never> | undefined): Promise<void> {
  if (!transaction?.isActive()) return;
  try {
    await transaction.abort();
  } catch (error) {
    if (!saysEnded(error)) throw error;
  }
}
