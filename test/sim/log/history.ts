// What clients saw, and nothing else: the checker judges by this.
import { type Outcome, RivuletError } from '../../../lib/api/errors.ts';

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
  /** Told that the batch before it is missing: so long after the try began. */
  readonly gapsMs?: number[];
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

/** A history that tells what went wrong, and the way to tell it. */
export function disturbedHistory(now: () => number) {
  const disturbances: number[] = [];
  const doubts: number[] = [];
  const disturbed = (leavesOpen: boolean) => {
    disturbances.push(now());
    if (leavesOpen) doubts.push(now());
  };
  return { history: { ...newHistory(), disturbances, doubts } satisfies History as History, disturbed };
}

/** The offset that a send was acknowledged at. */
export const ackOf = (send: Send): number | undefined => send.tries.find((told) => typeof told === 'number');

export const isSameProducer = (a: Send, b: Send): boolean => a.client === b.client && a.producer?.id === b.producer?.id;

const gapCodes: readonly string[] = ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID'];

/** What an error says of the data; throws what says nothing of it. */
export function outcomeOf(send: Send, error: unknown, nowMs: number): Outcome {
  if (!(error instanceof RivuletError) || !error.outcome) throw error;
  if (gapCodes.includes(error.errorCode)) send.gapsMs?.push(nowMs - (send.triedMs?.at(-1) ?? nowMs));
  return error.outcome;
}
