// Transactions as callers see them: records for several partitions and offsets of groups become visible together, or
// never. Readers see nothing of a transaction before it is committed, and no reader waits for one.
import type { Generation } from './classic-groups.ts';
import type { CommitOffsetsRequest } from './groups.ts';
import type { AppendRecordsRequest, AppendRequest, PartitionError } from './records.ts';

/** Names one transaction. The token proves that the caller is the newest instance of the transactional id. */
export type TransactionRef = {
  readonly transactionalId: string;
  /** Each transaction of a transactional id has the next number. */
  readonly transaction: number;
  readonly token: string;
};

/** Names the open transaction of a client that speaks Kafka's protocol. */
export type ProducerRef = {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly producerEpoch: number;
  /**
   * The request opens the transaction by what it stages, and the end of such a transaction raises the epoch: version 2 of
   * Kafka's transaction protocol.
   */
  readonly opens?: boolean;
  /** The client has gone, and may have repeated the request: a later transaction must not be changed by this one. */
  readonly signal?: AbortSignal;
};

export type InitTransactions = {
  readonly transactionalId: string;
  /** A transaction is aborted so many milliseconds after its first record. Default 60,000, at most 900,000. */
  readonly timeoutMs?: number;
};

export type InitializedTransactions = TransactionRef & {
  /** The batches of the transactions carry these. */
  readonly producerId: number;
  readonly producerEpoch: number;
};

export type StagedPartition = { readonly partition: number; readonly records: number; readonly duplicate: boolean };

export type StageReply = {
  readonly topicId: string;
  readonly partitions: readonly (StagedPartition | PartitionError)[];
};

export type StageRequest = AppendRequest & { readonly in: TransactionRef };
export type StageRecordsRequest = AppendRecordsRequest & { readonly in: TransactionRef };
export type StageOffsetsRequest = CommitOffsetsRequest & { readonly in: TransactionRef };

/** Without `member` the commit is not checked against the members of the group, as in Kafka. */
export type StageProducerOffsets = Pick<CommitOffsetsRequest, 'groupId' | 'topics'> & {
  readonly in: ProducerRef;
  readonly member?: Omit<Generation, 'groupId'>;
};

export type InitProducer = InitTransactions & {
  /** The producer that the caller was. A newer instance of the id fences it. */
  readonly before?: { readonly producerId: number; readonly producerEpoch: number };
};

export type TransactionOutcome = 'committed' | 'aborted';

export type CommittedPartition = {
  readonly topicId: string;
  readonly partition: number;
  readonly baseOffset: number;
  readonly records: number;
};

export type EndedTransaction = {
  readonly outcome: TransactionOutcome;
  /** The number of the next transaction. The token stays. */
  readonly next: number;
  /** The producer epoch of the next transaction's batches; their sequences begin at 0 again. */
  readonly producerId: number;
  readonly producerEpoch: number;
  /** The offsets of the records, if they were asked for. A partition whose records are gone is left out. */
  readonly offsets?: readonly CommittedPartition[];
};

export type TransactionState = 'empty' | 'open' | 'prepared' | 'decided';

export type TransactionDescription = {
  readonly transactionalId: string;
  /** `empty`: nothing is staged, and no client of Kafka's protocol has opened a transaction. `decided`: it is committed, and not yet shown by all partitions. */
  readonly state: TransactionState;
  /** The number of the current transaction. */
  readonly transaction: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly timeoutMs: number;
  /** The time at which the open transaction is aborted; -1 if it is empty. */
  readonly deadlineMs: number;
  readonly lastUsedMs: number;
  readonly batches: number;
  readonly groups: readonly string[];
  readonly last?: { readonly transaction: number; readonly outcome: TransactionOutcome };
};

/** A partition in which the current transaction has staged records. `topic` is missing if the topic was deleted since. */
export type PartitionInTransaction = {
  readonly topic?: string;
  readonly topicId: string;
  readonly partition: number;
  readonly batches: number;
  readonly records: number;
};

export type TransactionDetails = TransactionDescription & { readonly partitions: readonly PartitionInTransaction[] };

/** `nextAfter` is there if more follow. The ids are in order, and each page may have fewer than were asked for. */
export type TransactionPage = { readonly transactions: readonly TransactionDescription[]; readonly nextAfter?: string };

export type TransactionsReport = {
  readonly transactions: number;
  readonly aborted: number;
  /** Transactions that were decided, and whose decider had not applied them. */
  readonly applied: number;
  readonly expired: number;
  /** Transactions that are decided and could not be applied. The first of them are listed. */
  readonly stuck: readonly {
    readonly transactionalId: string;
    readonly transaction: number;
    readonly reason: string;
  }[];
  /** Ids whose open transaction newer instances have ended several times, with no commit in between. */
  readonly fenced: readonly { readonly transactionalId: string; readonly times: number }[];
  /** The first error. Some ids had no care, and have it in the next run. */
  readonly failure?: Error;
};

/** The part that adds to an open transaction. The functions that produce and commit offsets have it. */
export type Staging = {
  stage(request: StageRequest): Promise<StageReply>;
  stageRecords(request: StageRecordsRequest): Promise<StageReply>;
  stageOffsets(request: StageOffsetsRequest): Promise<void>;
};

/**
 * Transactions as the Kafka listener sees them. Their instances have no token and no numbers: they are known by producer id
 * and epoch, and keep both from one transaction to the next, unless they let what they stage open it.
 */
export type ProducerTransactions = {
  /** Throws PRODUCER_FENCED if `before` is not the newest instance. */
  init(request: InitProducer): Promise<{ readonly producerId: number; readonly producerEpoch: number }>;
  /** Opens a transaction, which must come before anything is staged. If one is open, nothing happens. */
  open(ref: ProducerRef): Promise<void>;
  stage(request: AppendRequest & { readonly in: ProducerRef }): Promise<StageReply>;
  /** Throws if the member may not commit; the commit of the transaction checks that again. */
  stageOffsets(request: StageProducerOffsets): Promise<void>;
  /**
   * Returns the producer of the next transaction. With `opens` an end raises the epoch also if no transaction is open, so that a
   * batch that comes late begins none. Throws INVALID_TXN_STATE if the last transaction has ended in the other way.
   */
  end(request: {
    readonly in: ProducerRef;
    readonly outcome: TransactionOutcome;
  }): Promise<Pick<EndedTransaction, 'producerId' | 'producerEpoch'>>;
};

export type Transactions = Staging & {
  init(request: InitTransactions): Promise<InitializedTransactions>;
  commit(request: { readonly in: TransactionRef; readonly offsets?: boolean }): Promise<EndedTransaction>;
  abort(request: { readonly in: TransactionRef }): Promise<EndedTransaction>;
  /** Ends an open transaction without its token: an operator's work. The running instance of the id is fenced. */
  forceAbort(transactionalId: string): Promise<TransactionDetails>;
  describe(transactionalId: string): Promise<TransactionDetails>;
  /** Aborts what was abandoned, applies what was only decided, and forgets ids that were not used for a week. */
  tend(isOver?: () => boolean): Promise<TransactionsReport>;
  list(request: { readonly limit?: number; readonly after?: string }): Promise<TransactionPage>;
};
