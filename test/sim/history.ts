// What clients saw, and nothing else: the checker judges by this.
import type { Outcome } from '../../lib/errors.ts';

export type Send = {
  readonly client: string;
  /** Position among the client's sends to this partition. */
  readonly order: number;
  readonly partition: number;
  /** Unique in the whole history. */
  readonly values: readonly string[];
  readonly idempotent: boolean;
  readonly expectedOffset?: number;
  /** Its producer, where the client had more than one or sent ahead of the answers; then `order` counts within it. */
  readonly producer?: { readonly id: number; readonly epoch: number };
  readonly begunMs: number;
  /** When each try began, and when it was answered, or given up. */
  readonly triedMs?: number[];
  readonly answeredMs?: number[];
  /** What each try was told: an offset, what an error said of the data, or nothing. */
  readonly tries: (number | Outcome | 'lost')[];
  endedMs: number;
};

export type Poll = {
  readonly client: string;
  readonly partition: number;
  readonly offset: number;
  readonly begunMs: number;
  readonly endedMs?: number;
  readonly highWatermark: number;
  readonly records: readonly { readonly offset: number; readonly value: string }[];
};

export type History = {
  readonly sends: Send[];
  readonly polls: Poll[];
  /** The log of each partition, read after everything came to rest. */
  readonly finalLog: Map<number, readonly { readonly offset: number; readonly value: string }[]>;
  /** When something went wrong: a fault on the way, a kill, a clock that jumped. Left out by who cannot tell. */
  readonly disturbances?: number[];
  /** Those of them that can leave open whether an append was committed: faults of updates, and kills. */
  readonly doubts?: number[];
  /** When the deletion of the topic was answered. */
  deletedMs?: number;
};

export const newHistory = (): History => ({ sends: [], polls: [], finalLog: new Map() });

/** The offset that a send was acknowledged at. */
export const ackOf = (send: Send): number | undefined => send.tries.find((told) => typeof told === 'number');

export const isSameProducer = (a: Send, b: Send): boolean => a.client === b.client && a.producer?.id === b.producer?.id;
