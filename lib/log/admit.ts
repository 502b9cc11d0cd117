// Admit: the checks that a partition's batches must pass before anything is uploaded. They neither read nor write storage.
// Readers get the admitted bytes unchanged, apart from the base offset (and the time, under LogAppendTime).

import type { ErrorCode } from '../api/errors.ts';
import type { PartitionAppend } from '../api/records.ts';
import { refused } from '../api/refusal.ts';
import type { EntryProducer } from '../partition/entry.ts';
import { sequenceAfter } from '../producer/decide.ts';
import { firstTransactionalId } from '../producer/ids.ts';
import { type BatchHeader, checkBatch, splitBatches, stampAppendTime } from '../record/batch-header.ts';
import type { Compression } from '../record/compression.ts';
import { CorruptBatchError, type CorruptBatchReason } from '../record/corrupt-batch-error.ts';
import type { SegmentPart } from '../record/segment.ts';
import { repacked, type UnpackBudget } from '../record/unpack.ts';
import { configNumber, configValue } from '../topic/config.ts';
import { unknownPartition } from '../topic/partitions.ts';
import { isCompacted } from '../topic/retention.ts';
import type { Topic } from '../topic/topics.ts';
import { checkKeys } from './admit-keys.ts';

export type AdmittedRun = SegmentPart & {
  readonly producer?: EntryProducer;
  readonly expectedOffset?: number;
  readonly after?: Promise<void>;
  /** -1 unless the topic stamps LogAppendTime. */
  readonly logAppendTimeMs: number;
};

/** Batches of a transaction come with its name, and no others do. */
type Expected = { readonly isTransactional: boolean };

/** Throws RivuletError with the outcome not-written. Stamps LogAppendTime into the given bytes. */
export async function admit(
  part: PartitionAppend,
  topic: Topic,
  nowMs: number,
  budget: UnpackBudget,
  expected: Expected = { isTransactional: false },
): Promise<AdmittedRun> {
  const unknown = unknownPartition(topic, part.partition, 'not-written');
  if (unknown) throw unknown;
  const headers = await sound(async () => checkBatches(part.batches, topic, nowMs, expected));
  const producer = producerOf(headers);
  const stampsTime = configValue(topic.overrides, 'message.timestamp.type') === 'LogAppendTime';
  if (isCompacted(topic.overrides)) await sound(() => checkKeys(part, headers, topic, budget));
  const bytes = await sound(() => inTopicCompression(part.batches, headers, topic, budget));
  if (stampsTime) for (const { from } of splitBatches(bytes)) stampAppendTime(bytes, from, nowMs);
  return {
    partition: part.partition,
    bytes,
    recordCount: headers.reduce((sum, header) => sum + header.recordCount, 0),
    maxTimestampMs: stampsTime ? nowMs : headers.reduce((most, header) => Math.max(most, header.maxTimestampMs), -1),
    ...(producer && { producer }),
    ...(part.expectedOffset !== undefined && { expectedOffset: part.expectedOffset }),
    ...(part.after && { after: part.after }),
    logAppendTimeMs: stampsTime ? nowMs : -1,
  };
}

function checkBatches(bytes: Uint8Array, topic: Topic, nowMs: number, expected: Expected): BatchHeader[] {
  if (bytes.length === 0) throw refused('INVALID_RECORD', 'a partition was given no batch');
  const headers = splitBatches(bytes).map(({ from }) => checkBatch(bytes, from));
  for (const header of headers) checkAgainstTopic(header, topic, nowMs, expected);
  checkRecordCount(headers);
  return headers;
}

/** Turns a fault of the bytes themselves into an error of the catalogue. */
async function sound<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CorruptBatchError) throw refused(codeOf[error.reason], error.message);
    throw error;
  }
}

const codeOf: Record<CorruptBatchReason, ErrorCode> = {
  magic: 'UNSUPPORTED_FOR_MESSAGE_FORMAT',
  codec: 'UNSUPPORTED_COMPRESSION_TYPE',
  count: 'INVALID_RECORD',
  record: 'INVALID_RECORD',
  attributes: 'INVALID_RECORD',
  timestamp: 'INVALID_TIMESTAMP',
  'too-large': 'MESSAGE_TOO_LARGE',
  length: 'CORRUPT_MESSAGE',
  crc: 'CORRUPT_MESSAGE',
};

function checkAgainstTopic(header: BatchHeader, topic: Topic, nowMs: number, { isTransactional }: Expected): void {
  checkSize(header.sizeBytes, configNumber(topic.overrides, 'max.message.bytes'));
  if (header.recordCount === 0) throw refused('INVALID_RECORD', 'a batch has no records');
  if (header.isControl) throw refused('INVALID_RECORD', 'producers must not write control batches');
  if (header.isTransactional && !isTransactional)
    throw refused('INVALID_RECORD', 'a batch is marked as transactional, but the request names no transaction');
  if (!header.isTransactional && isTransactional)
    throw refused('INVALID_RECORD', 'the request names a transaction, but a batch is not marked as transactional');
  if (header.hasDeleteHorizon) throw refused('INVALID_RECORD', 'producers must not set a delete horizon');
  if (configValue(topic.overrides, 'message.timestamp.type') === 'CreateTime') checkTimestamps(header, topic, nowMs);
}

/** The sequence of a producer begins again after so many records. Compressed batches may claim millions each. */
const mostRecords = 2 ** 31;

function checkRecordCount(headers: readonly BatchHeader[]): void {
  const count = headers.reduce((sum, { recordCount }) => sum + recordCount, 0);
  if (count <= mostRecords) return;
  throw refused(
    'INVALID_RECORD',
    `records: expected at most ${mostRecords} for one partition in one request, got ${count}`,
  );
}

function checkSize(bytes: number, maxBytes: number): void {
  if (bytes <= maxBytes) return;
  throw refused('MESSAGE_TOO_LARGE', `a batch has ${bytes} bytes, above max.message.bytes of ${maxBytes}`);
}

function checkTimestamps(header: BatchHeader, topic: Topic, nowMs: number): void {
  if (header.timestampType === 'LogAppendTime') {
    throw refused(
      'INVALID_TIMESTAMP',
      `a batch says LogAppendTime, but ${topic.topic} has message.timestamp.type=CreateTime`,
    );
  }
  const after = configNumber(topic.overrides, 'message.timestamp.after.max.ms');
  const before = configNumber(topic.overrides, 'message.timestamp.before.max.ms');
  if (header.maxTimestampMs > nowMs + after) {
    throw refused(
      'INVALID_TIMESTAMP',
      `timestamp ${header.maxTimestampMs} is more than message.timestamp.after.max.ms of ${after} ahead of ${nowMs}`,
    );
  }
  if (header.baseTimestampMs >= 0 && header.baseTimestampMs < nowMs - before) {
    throw refused(
      'INVALID_TIMESTAMP',
      `timestamp ${header.baseTimestampMs} is more than message.timestamp.before.max.ms of ${before} behind ${nowMs}`,
    );
  }
}

/** All batches of a part must come from one producer, in unbroken sequence. Then one entry can name them all. */
function producerOf(headers: readonly BatchHeader[]): EntryProducer | undefined {
  const { producerId: id, producerEpoch: epoch, baseSequence: firstSequence } = headers[0]!;
  let sequence = firstSequence;
  for (const header of headers) {
    const follows = id < 0 || (header.producerEpoch === epoch && header.baseSequence === sequence);
    const isSameProducer = header.producerId === id;
    if (!isSameProducer || !follows) {
      throw refused(
        'INVALID_RECORD',
        'the batches of one partition must be of one producer and epoch, and follow each other in sequence',
      );
    }
    sequence = sequenceAfter(sequence, header.recordCount);
  }
  return id < 0 ? undefined : { id, epoch, firstSequence };
}

/** A client may use only a counted id, because the other ids belong to Idempotency-Keys. */
export function checkCountedId(admitted: AdmittedRun): void {
  const id = admitted.producer?.id ?? -1;
  if (id >= firstTransactionalId)
    throw refused(
      'INVALID_RECORD',
      `producer id ${id} is not one that POST /v1/producers gave: those are below ${firstTransactionalId}`,
    );
}

/** The bytes stay as the producer sent them, unless the topic wants another codec (Kafka's `compression.type`). */
async function inTopicCompression(
  bytes: Uint8Array,
  headers: readonly BatchHeader[],
  topic: Topic,
  budget: UnpackBudget,
): Promise<Uint8Array> {
  const codec = topicCompression(topic);
  if (codec === undefined || headers.every((header) => header.compression === codec)) return bytes;
  const maxBytes = configNumber(topic.overrides, 'max.message.bytes');
  const batches: Uint8Array[] = [];
  for (const { from } of splitBatches(bytes)) {
    const batch = await repacked(bytes, from, codec, maxBytes, budget);
    checkSize(batch.length, maxBytes);
    batches.push(batch);
  }
  return Buffer.concat(batches);
}

/** Undefined means that the producer chooses the codec. */
export function topicCompression(topic: Topic): Compression | undefined {
  const wanted = configValue(topic.overrides, 'compression.type');
  if (wanted === 'producer') return undefined;
  return wanted === 'uncompressed' ? 'none' : (wanted as Compression);
}
