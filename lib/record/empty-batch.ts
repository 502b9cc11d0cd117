// A batch without records keeps its offsets in the log, as Kafka's cleaner leaves it. A consumer that reads it goes on
// after its last offset. Without it, a consumer would wait for ever before a gap at the end of what it can read.

import { crc32c } from '../bytes/crc32c.ts';
import { writeInt64 } from '../bytes/int64.ts';
import {
  attribute,
  type BatchHeader,
  field,
  lengthOverheadBytes,
  recordBatchMagic,
  recordBatchOverheadBytes,
} from './batch-header.ts';

/** An empty batch keeps this of the batch that it replaces. */
export type Emptied = Pick<
  BatchHeader,
  'attributes' | 'maxTimestampMs' | 'producerId' | 'producerEpoch' | 'baseSequence'
>;

/** This stands for offsets of which no batch is left: it has no time and no producer. */
const nothingLeft: Emptied = {
  attributes: 0,
  maxTimestampMs: -1,
  producerId: -1,
  producerEpoch: -1,
  baseSequence: -1,
};

const mostOffsets = 2 ** 31;

/**
 * Returns a batch without records for the offsets [baseOffset, endOffset), or for the last 2^31 of them. It keeps the
 * producer, the greatest timestamp and the attributes of `emptied`, as Kafka does, but for the codec and the delete horizon.
 */
export function emptyBatch(baseOffset: number, endOffset: number, emptied: Emptied = nothingLeft): Uint8Array {
  if (!(endOffset > baseOffset)) throw new RangeError(`endOffset: expected more than ${baseOffset}, got ${endOffset}`);
  const first = Math.max(baseOffset, endOffset - mostOffsets);
  const batch = new Uint8Array(recordBatchOverheadBytes);
  const view = new DataView(batch.buffer);
  writeInt64(view, field.baseOffset, first);
  view.setInt32(field.length, batch.length - lengthOverheadBytes);
  view.setInt32(field.partitionLeaderEpoch, 0);
  view.setInt8(field.magic, recordBatchMagic);
  view.setInt16(field.attributes, emptied.attributes & ~(attribute.compression | attribute.deleteHorizon));
  view.setInt32(field.lastOffsetDelta, endOffset - 1 - first);
  writeInt64(view, field.baseTimestamp, -1);
  writeInt64(view, field.maxTimestamp, emptied.maxTimestampMs);
  writeInt64(view, field.producerId, emptied.producerId);
  view.setInt16(field.producerEpoch, emptied.producerEpoch);
  view.setInt32(field.baseSequence, emptied.baseSequence);
  view.setInt32(field.recordCount, 0);
  view.setUint32(field.crc, crc32c(batch, field.attributes));
  return batch;
}
