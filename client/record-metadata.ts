// This type says where a message was written.

export type RecordMetadata = {
  readonly topic: string;
  readonly partition: number;
  /**
   * The offset is -1 when the record is written but its offset is no longer known (DUPLICATE_SEQUENCE_NUMBER), and with acks 0,
   * when nothing is known of the record.
   */
  readonly offset: number;
  /** Epoch milliseconds: the record's own timestamp, or the server's where the topic is set to LogAppendTime. */
  readonly timestamp: number;
};
