// This file warns when retention is about to overtake a consumer, and when it has. A lag is only an inconvenience until the
// log's start reaches the consumer's position: from then on records are lost.
import type { AssignedPartition } from './assigned-partition.ts';

export type RetentionWarning = {
  readonly topic: string;
  readonly partition: number;
  /** The offset of the next message to be handed over. */
  readonly position: number;
  readonly logStartOffset: number;
  readonly highWatermark: number;
  /** 0 means that there is still time. Otherwise retention removed this many records before they were read. */
  readonly lostRecords: number;
};

export type Watermarks = { readonly logStartOffset: number; readonly highWatermark: number };

/** A log start that has not moved since the first read is no danger: reading from the earliest offset begins there. */
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
