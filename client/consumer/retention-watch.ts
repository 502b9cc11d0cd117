// Tells when retention is about to overtake a consumer, and when it has: a lag is an inconvenience until the log's start
// comes to where the consumer stands.
import type { AssignedPartition } from './assigned-partition.ts';

export type RetentionWarning = {
  readonly topic: string;
  readonly partition: number;
  /** Of the next message to be handed over. */
  readonly position: number;
  readonly logStartOffset: number;
  readonly highWatermark: number;
  /** 0: there is still time. Otherwise so many records were removed before they were read. */
  readonly lostRecords: number;
};

export type Watermarks = { readonly logStartOffset: number; readonly highWatermark: number };

/** A start that has not moved since we came is no danger: whoever reads from the earliest stands there. */
export function warningOf(assigned: AssignedPartition, marks: Watermarks): RetentionWarning | undefined {
  const { logStartOffset, highWatermark } = marks;
  const { topic, partition, position } = assigned;
  if (position === undefined || logStartOffset < 0) return undefined;
  assigned.firstLogStart ??= logStartOffset;
  const lostRecords = Math.max(0, logStartOffset - position);
  const inOldestTenth = (position - logStartOffset) * 10 < highWatermark - logStartOffset;
  const endangered = lostRecords > 0 || (inOldestTenth && logStartOffset > assigned.firstLogStart);
  const known = assigned.warned && lostRecords === 0;
  assigned.warned = endangered;
  if (!endangered || known) return undefined;
  return { topic, partition, position, logStartOffset, highWatermark, lostRecords };
}
