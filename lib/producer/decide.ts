// The idempotence decision: what to do with a batch, given what the log knows of its producer. Pure. Kafka's rules
// (KIP-98): sequences count records per producer and partition, wrap at 2^31, and a newer epoch begins at 0.

/** The newest that the log knows of a producer in one partition. */
export type Known = { readonly epoch: number; readonly nextSequence: number };

export type Decision =
  /** In order: append it. */
  | 'append'
  /** Written before. */
  | 'duplicate'
  /** A newer epoch of this producer has written. */
  | 'fenced'
  /** Its predecessor has not arrived. */
  | 'gap'
  /** Not the first of its producer, of which the log knows nothing: the predecessor is late, or the history expired. */
  | 'unknown';

const sequenceSpace = 2 ** 31;

export const sequenceAfter = (sequence: number, records: number): number => (sequence + records) % sequenceSpace;

/** How many records lie from sequence `from` up to `to`, around the wrap: 0..2^31-1. */
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
  // A batch that is partly written and partly new was cut anew by its producer: it can be neither acknowledged nor appended.
  const isWhole = batch.recordCount <= behind;
  const isBehind = behind < sequenceSpace / 2;
  return isBehind && isWhole ? 'duplicate' : 'gap';
}
