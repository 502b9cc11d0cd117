// Where a message went.

export type RecordMetadata = {
  readonly topic: string;
  readonly partition: number;
  /** -1 when the record is written but its offset is not known any more (DUPLICATE_SEQUENCE_NUMBER). */
  readonly offset: number;
  /** Epoch milliseconds: the record's own, or the server's where the topic says LogAppendTime. */
  readonly timestamp: number;
};
