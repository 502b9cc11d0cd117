// One transaction of a producer. Its records go out as those of any producer, under the identity and the header of the
// transaction, and wait aside until commit() makes all of them visible, together with the offsets.
//
// Invariant: a transaction ends once. After a send that failed it can only be aborted: a commit would leave a record out.
import { invalid, isClientError, type RivuletClientError } from '../client-error.ts';
import type { OffsetToCommit } from '../consumer/consumer-options.ts';
import type { TransactionalCommit } from '../consumer/offset-commits.ts';
import { bodyOf } from '../group/group-api.ts';
import type { MessageBytes } from '../message.ts';
import type { RecordMetadata } from '../record-metadata.ts';
import { paths } from '../transport/paths.ts';
import { mayHaveActed, saysEnded } from './end-errors.ts';
import type { Sender, TopicMessages } from './sender.ts';

/** The requests of one transaction. */
export type TransactionCalls = {
  write(path: string, body: object): Promise<void>;
  commit(offsets: boolean): Promise<readonly CommittedRecords[] | undefined>;
  abort(): Promise<void>;
};

type Committer = { forTransaction(offsets: readonly OffsetToCommit[]): TransactionalCommit };

export type OffsetsToSend = {
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly offset: number; readonly metadata?: string }[];
  }[];
} & (
  | { /** The consumer that has read the records. */ readonly consumer: Committer }
  | { /** A group without members. */ readonly groupId: string }
);

export type CommittedRecords = {
  readonly topicId: string;
  readonly partition: number;
  readonly baseOffset: number;
  readonly records: number;
};

export class Transaction<K = MessageBytes, V = MessageBytes> {
  readonly #calls: TransactionCalls;
  readonly #producer: Sender<K, V>;
  readonly #committed: (() => void)[] = [];
  readonly #underWay = new Set<Promise<unknown>>();
  #failure: RivuletClientError | undefined;
  #isActive = true;
  /** An earlier commit or abort has got no answer. */
  #mayHaveEnded = false;

  constructor(calls: TransactionCalls, producer: Sender<K, V>) {
    this.#calls = calls;
    this.#producer = producer;
  }

  isActive(): boolean {
    return this.#isActive;
  }

  /** Works like the producer's send(). The results have the offset -1: records get their offsets at the commit. */
  send(request: TopicMessages<K, V>): Promise<RecordMetadata[]> {
    return this.#sending(() => this.#producer.send(request));
  }

  sendBatch(request: { readonly topicMessages: readonly TopicMessages<K, V>[] }): Promise<RecordMetadata[]> {
    return this.#sending(() => this.#producer.sendBatch(request));
  }

  /**
   * Adds offsets of a group. They are committed with the records, or not at all: if the consumer has lost a partition by
   * then, the whole transaction is aborted.
   */
  sendOffsets({ topics, ...by }: OffsetsToSend): Promise<void> {
    const offsets = topics.flatMap(({ topic, partitions }) => partitions.map((one) => ({ topic, ...one })));
    return this.#sending(async () => {
      const staged =
        'consumer' in by
          ? by.consumer.forTransaction(offsets)
          : { groupId: by.groupId, body: bodyOf(offsets, undefined), committed: () => {} };
      await this.#calls.write(paths.groupOffsets(staged.groupId), staged.body);
      this.#committed.push(staged.committed);
    });
  }

  /**
   * Makes everything visible. If it rejects with the outcome `unknown` while isActive(), call it again: a repeat gets the same
   * answer. With `offsets`, it returns where the records are.
   */
  async commit({ offsets = false }: { readonly offsets?: boolean } = {}): Promise<readonly CommittedRecords[]> {
    this.#checkActive();
    await this.#settled();
    if (this.#failure) {
      await this.abort();
      throw this.#failure.with({ outcome: 'not-written' });
    }
    const found = await this.#end(() => this.#calls.commit(offsets));
    for (const tell of this.#committed) tell();
    return found ?? [];
  }

  async abort(): Promise<void> {
    this.#checkActive();
    await this.#settled();
    await this.#end(() => this.#calls.abort());
  }

  async #end<T>(end: () => Promise<T>): Promise<T> {
    try {
      const result = await end();
      this.#isActive = false;
      return result;
    } catch (error) {
      this.#isActive = mayHaveActed(error) && !saysEnded(error);
      const isAboutThisTry = isClientError(error) && this.#mayHaveEnded;
      this.#mayHaveEnded ||= mayHaveActed(error);
      throw isAboutThisTry ? error.with({ outcome: 'unknown' }) : error;
    }
  }

  async #sending<T>(send: () => Promise<T>): Promise<T> {
    this.#checkActive();
    const sending = send();
    this.#underWay.add(sending);
    try {
      return await sending;
    } catch (error) {
      if (isClientError(error)) this.#failure ??= error;
      throw error;
    } finally {
      this.#underWay.delete(sending);
    }
  }

  /** A caller need not have waited for what it sent: all of it belongs to the transaction. */
  async #settled(): Promise<void> {
    await this.#producer.flush();
    await Promise.allSettled(this.#underWay);
  }

  #checkActive(): void {
    if (!this.#isActive) throw invalid('the transaction has ended: begin another one with transaction()');
  }
}
