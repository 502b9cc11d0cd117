// The history of transactions as their clients saw them, beside what was in the log in the end. The checker judges by this,
// and by what was seen to be written in the table (watch.ts).
import type { Outcome } from '../../../lib/api/errors.ts';
import type { CommittedPartition } from '../../../lib/api/transactions.ts';

/** An answer: that it is done, the outcome that an error named, or that no answer came. */
export type Told = 'done' | Outcome | 'lost';

export type Batch = {
  readonly partition: number;
  /** Unique in the whole history. */
  readonly values: readonly string[];
  readonly begunMs: number;
  /** The answer to each try. */
  readonly tries: Told[];
  /** Topics may be deleted, and made anew with another id. The id of that one in which it was staged last. */
  topicId?: string;
};

export type End = {
  readonly what: 'commit' | 'abort';
  readonly begunMs: number;
  told: Told;
  endedMs: number;
  /** Where the records are, if that was asked for and told. */
  offsets?: readonly CommittedPartition[];
};

/** A transaction has read this before it wrote: a partition from its beginning to the end that it was told. */
export type Read = { readonly partition: number; readonly values: readonly string[] };

export type Transaction = {
  readonly name: string;
  readonly id: string;
  /** The index of the instance that ran it. */
  readonly instance: number;
  readonly producerId: number;
  /** A client of Kafka's protocol does not know it. It is looked up when the transaction is open. */
  number: number;
  readonly batches: Batch[];
  readonly reads: Read[];
  /** The offset that it read, and the one that it commits. Their names are unique: the committed offset carries them. */
  offset?: { readonly partition: number; readonly from: string; readonly begunMs: number; readonly tries: Told[] };
  readonly ends: End[];
};

/** One call of init. `endedMs` is there if it was answered. */
export type Instance = { readonly id: string; readonly begunMs: number; endedMs?: number };

/** A record of a producer without transactions. `isOnce` if it may not be in the log twice. */
export type Plain = {
  readonly partition: number;
  readonly value: string;
  readonly isOnce: boolean;
  readonly tries: Told[];
  ackedMs?: number;
};

export type Poll = {
  readonly partition: number;
  readonly offset: number;
  readonly values: readonly string[];
};

export type History = {
  readonly transactions: Transaction[];
  readonly instances: Instance[];
  readonly plains: Plain[];
  readonly polls: Poll[];
  /** The log of each partition in the end. A partition that was deleted is not here. */
  readonly log: Map<number, readonly string[]>;
  /** The id of the topic whose log is in `log`, where it may have been another one before. */
  readonly topicIds: Map<number, string>;
  /** The topics that were certainly deleted, by their ids: since when. */
  readonly closedMs: Map<string, number>;
  /** The names of the transactions whose offsets were committed last, by input partition; empty if there is none. */
  readonly offsets: Map<number, string>;
  /** When a value was readable at the latest, for those that were looked for. */
  readonly seenMs: Map<string, number>;
  /** The lives of transactional ids: the xid by id and producer id. */
  readonly lives: Map<string, number>;
  /** The transactions that were decided before they were applied, by their names. */
  readonly decided: Set<string>;
};

export const newHistory = (): History => ({
  transactions: [],
  instances: [],
  plains: [],
  polls: [],
  log: new Map(),
  topicIds: new Map(),
  closedMs: new Map(),
  offsets: new Map(),
  seenMs: new Map(),
  lives: new Map(),
  decided: new Set(),
});

export const lifeName = (id: string, producerId: number): string => `${id}/${producerId}`;
