// The history holds only what clients saw. The checker judges by nothing else.
import { type Outcome, RivuletError } from '../../../lib/api/errors.ts';
import type { StoreAnomaly } from './check/anomaly.ts';

export type Send = {
  readonly client: string;
  /** The position among the client's sends to this partition. */
  readonly order: number;
  readonly partition: number;
  /** Unique in the whole history. */
  readonly values: readonly string[];
  /** The key of each value, in a compacted topic. */
  readonly keys?: readonly string[];
  /** These values name tombstones: records whose value is null. A header has the name. */
  readonly tombstones?: readonly string[];
  readonly idempotent: boolean;
  readonly expectedOffset?: number;
  /**
   * The producer, where the client had more than one or sent ahead of the answers. Then `order` counts within the
   * producer.
   */
  readonly producer?: { readonly id: number; readonly epoch: number };
  readonly begunMs: number;
  /** The times at which each try began, and at which it was answered or given up. */
  readonly triedMs?: number[];
  readonly answeredMs?: number[];
  /** The answer to each try: an offset, the outcome that an error named, or `lost` for no answer. */
  readonly tries: (number | Outcome | 'lost')[];
  /** For each answer that the batch before this one is missing, the time since the try began. */
  readonly gapsMs?: number[];
  /** The answers that the log is damaged. */
  damage?: string[];
  endedMs: number;
};

export type Poll = {
  readonly client: string;
  readonly partition: number;
  readonly offset: number;
  readonly begunMs: number;
  readonly endedMs?: number;
  readonly highWatermark: number;
  /** The log start in the answer. With no records, it may lie above `offset`: then the offset was out of range. */
  readonly logStart?: number;
  /** The offset after the last batch of the answer. Compaction may have left no record in a batch. */
  readonly next?: number;
  readonly records: readonly PlacedRecord[];
};

export type PlacedRecord = { readonly offset: number; readonly value: string };

/** Says what clients asked to have removed, and what maintenance may remove by itself. */
export type Removal = {
  /** All records by partition as their commits placed them, also those that are gone. An observer at the stores saw them. */
  readonly committed: Map<number, PlacedRecord[]>;
  /** Calls of delete-records, also those that got no answer. */
  readonly requests: RemovalRequest[];
  /** Retention may remove a record of this age. Without it, retention removes nothing. */
  readonly retentionMs?: number;
  /** The topic is compacted, and a tombstone may go so long after the first pass that met it. */
  readonly deleteRetentionMs?: number;
  /** Two clocks differ by this much at most. */
  readonly skewMs: number;
  /** The time at which the final log was read. */
  finalMs?: number;
};

export type RemovalRequest = {
  readonly partition: number;
  /** The records below this offset are to be removed. */
  readonly to: number;
  readonly begunMs: number;
  /** The time of the answer that they are removed. Without it, they may be removed at any time, or never. */
  endedMs?: number;
};

export type History = {
  readonly sends: Send[];
  readonly polls: Poll[];
  /** The log of each partition, read after everything came to rest. */
  readonly finalLog: Map<number, readonly PlacedRecord[]>;
  /** Only worlds that remove records have this. */
  readonly removal?: Removal;
  /** An observer found these in the stores at rest. */
  stores?: readonly StoreAnomaly[];
  /** Reports of damage, to readers and by maintenance, in a world that has none. */
  readonly damage?: string[];
  /**
   * The times at which something went wrong: a fault on the way, a kill, a clock that jumped. A world that cannot know
   * them leaves this out.
   */
  readonly disturbances?: number[];
  /** The disturbances that can leave open whether an append was committed: faults of updates, and kills. */
  readonly doubts?: number[];
  /** The time at which the deletion of the topic was answered. */
  deletedMs?: number;
};

export const newHistory = (): History => ({ sends: [], polls: [], finalLog: new Map() });

/** A history that records what went wrong, and the function that records it. */
export function disturbedHistory(now: () => number) {
  const disturbances: number[] = [];
  const doubts: number[] = [];
  const disturbed = (leavesOpen: boolean) => {
    disturbances.push(now());
    if (leavesOpen) doubts.push(now());
  };
  return { history: { ...newHistory(), disturbances, doubts } satisfies History as History, disturbed };
}

/** The offset at which a send was acknowledged. */
export const ackOf = (send: Send): number | undefined => send.tries.find((told) => typeof told === 'number');

export const isSameProducer = (a: Send, b: Send): boolean => a.client === b.client && a.producer?.id === b.producer?.id;

const gapCodes: readonly string[] = ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID'];

/** The outcome that an error names. An error without one is thrown again. */
export function outcomeOf(send: Send, error: unknown, nowMs: number): Outcome {
  if (!(error instanceof RivuletError) || !error.outcome) throw error;
  if (error.errorCode === 'CORRUPT_LOG') send.damage = [...(send.damage ?? []), error.message];
  if (gapCodes.includes(error.errorCode)) send.gapsMs?.push(nowMs - (send.triedMs?.at(-1) ?? nowMs));
  return error.outcome;
}
