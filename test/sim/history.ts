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
  readonly begunMs: number;
  /** What each try was told: an offset, what an error said of the data, or nothing. */
  readonly tries: (number | Outcome | 'lost')[];
  endedMs: number;
};

export type Poll = {
  readonly client: string;
  readonly partition: number;
  readonly offset: number;
  readonly begunMs: number;
  readonly highWatermark: number;
  readonly records: readonly { readonly offset: number; readonly value: string }[];
};

export type History = {
  readonly sends: Send[];
  readonly polls: Poll[];
  /** The log of each partition, read after everything came to rest. */
  readonly finalLog: Map<number, readonly { readonly offset: number; readonly value: string }[]>;
};

export const newHistory = (): History => ({ sends: [], polls: [], finalLog: new Map() });

/** The offset that a send was acknowledged at. */
export const ackOf = (send: Send): number | undefined => send.tries.find((told) => typeof told === 'number');
