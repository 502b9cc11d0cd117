// Decides what to do with a batch, given what the log knows about its producer. The decision is pure. Kafka's rules
// (KIP-98) apply: sequences count records per producer and partition, wrap at 2^31, and a newer epoch begins at 0.

/** The newest state that the log knows of a producer in one partition. */
export type Known = { readonly epoch: number; readonly nextSequence: number };

export type Decision =
  /** The batch is in order: append it. */
  | 'append'
  /** The batch was written before. */
  | 'duplicate'
  /** A newer epoch of this producer has written. */
  | 'fenced'
  /** The predecessor of the batch has not arrived. */
  | 'gap'
  /**
   * The batch is not the first of its producer, and the log knows nothing about that producer: the predecessor is late,
   * or the history expired.
   */
  | 'unknown';

const sequenceSpace = 2 ** 31;

export const sequenceAfter = (sequence: number, records: number): number => (sequence + records) % sequenceSpace;

/** Returns how many records lie from sequence `from` up to `to`, around the wrap: 0..2^31-1. */
export const sequenceDistance = (from: number, to: number): number => (to - from + sequenceSpace) % sequenceSpace;

export function decide(
  known: Known | undefined,
  batch: { epoch: number; firstSequence: number; recordCount: number },
): Decision {
  if (known === undefined) return batch.firstSequence === 0 ? 'append' : 'unknown';
  const isFenced = batch.epoch < known.epoch;
  if (isFenced) return 'fenced';
  if (batch.epoch > known.epoch) return batch.firstSequence === 0 ? 'append' : 'gap';
  const behind = sequenceDistance(batch.firstSequence, known.nextSequence);
  if (behind === 0) return 'append';
  // A producer that sends a batch which is partly written and partly new has cut it differently. The batch can be
  // neither acknowledged nor appended.
  const isWhole = batch.recordCount <= behind;
  const isBehind = behind < sequenceSpace / 2;
  return isBehind && isWhole ? 'duplicate' : 'gap';
}
