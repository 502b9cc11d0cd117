// Habits of single clients that Apache Kafka puts up with.
import { crc32c } from '../lib/bytes/crc32c.ts';
import { type BatchHeader, field } from '../lib/record/batch-header.ts';

const none = -1;

/**
 * A batch of a transaction gets its offset when the transaction commits. -1 says so; but these clients count on from it, and
 * would report 0, 1, 2 ... as the offsets of its records. From here they come to no offset that there can be.
 */
export const stagedOffset = (softwareName: string): number =>
  /rdkafka|confluent-kafka|sarama/.test(softwareName) ? -(2 ** 40) : none;

/**
 * KafkaJS gives a batch without a producer id an epoch and a sequence of 0, where the log has -1. This corrects the batch in
 * place. A batch whose CRC is wrong stays as it is, so that it is refused.
 */
export function clearProducerFields(batch: Uint8Array, header: BatchHeader): void {
  const { producerId, producerEpoch, baseSequence, crc } = header;
  const isPlain = producerId >= 0 || (producerEpoch === none && baseSequence === none);
  if (isPlain || crc32c(batch, field.attributes, batch.length) !== crc) return;
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  view.setInt16(field.producerEpoch, none);
  view.setInt32(field.baseSequence, none);
  view.setUint32(field.crc, crc32c(batch, field.attributes, batch.length));
}
