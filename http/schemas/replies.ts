// The zod schemas of replies. The OpenAPI document is made of them, and the conformance suite checks every reply against
// them. They are strict: a field that is not documented here fails a test.
import * as z from 'zod';
import { catalogue } from '../../lib/api/errors.ts';

export const offset = z.int().min(0);
export const partition = z.int().min(0);
/** Milliseconds since 1970. */
export const timestamp = z.int();
export const topicId = z.string().length(22);

const errorCodes = Object.keys(catalogue) as [keyof typeof catalogue, ...(keyof typeof catalogue)[]];

/** This schema is open: an error may have further members of its own, such as `field`, `nextOffset`, `highWatermark`. */
export const problem = z
  .looseObject({
    type: z.literal('about:blank'),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string(),
    errorCode: z.enum(errorCodes),
    kafkaErrorCode: z.int(),
    retriable: z.boolean(),
    outcome: z.enum(['not-written', 'written', 'unknown']).optional(),
    requestId: z.string().optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457. `requestId` is absent inside the results of single parts' });

export const partitionProblem = z.strictObject({ partition, error: problem });

// --- topics

const topicSummary = { topic: z.string(), topicId, partitions: z.int().min(1), createdAt: timestamp };

const config = z.strictObject({
  name: z.string(),
  value: z.string(),
  isDefault: z.boolean(),
  note: z.string().optional(),
});

const topicFields = { ...topicSummary, config: z.array(config), warnings: z.array(z.string()) };

/** The reply to a change. It leaves out the partitions. */
export const topicDocument = z.strictObject(topicFields).meta({ id: 'Topic' });

const partitionStorage = z.strictObject({
  logSegments: z.int().min(0),
  logSegmentBytes: z.int().min(0),
  inlineItems: z.int().min(0).optional(),
  inlineBytes: z.int().min(0).optional(),
  dirtyRatio: z.number().min(0).max(1).optional(),
  maintainedAt: timestamp.optional(),
  damagedOffset: offset.optional(),
});

const partitionDetails = z.strictObject({
  ...{ partition, earliest: offset, latest: offset, bytes: z.int().min(0) },
  storage: partitionStorage.optional(),
});

export const topicDescription = z
  .strictObject({ ...topicFields, partitionDetails: z.array(partitionDetails), nextPartition: partition.optional() })
  .meta({ id: 'TopicDescription' });

export const topicList = z
  .strictObject({ topics: z.array(z.strictObject(topicSummary)), nextAfter: z.string().optional() })
  .meta({ id: 'TopicList' });

// --- produce

const recordAck = z.strictObject({ partition, offset, timestamp, duplicate: z.literal(true).optional() });

export const recordAcks = z
  .strictObject({ topicId, records: z.array(z.union([recordAck, partitionProblem])) })
  .meta({ id: 'RecordAcks', description: 'One result per record, in the order of the request' });

const batchesAck = z.strictObject({
  partition,
  baseOffset: offset,
  lastOffset: offset,
  logStartOffset: offset,
  logAppendTime: timestamp,
  duplicate: z.literal(true).optional(),
});

export const batchesAcks = z
  .strictObject({ topicId, partitions: z.array(z.union([batchesAck, partitionProblem])) })
  .meta({ id: 'BatchesAcks', description: 'One result per frame, in the order of the request' });

// --- delete records

const deletedRecords = z.strictObject({ partition, logStartOffset: offset });

export const deletedRecordsList = z
  .strictObject({ topicId, partitions: z.array(z.union([deletedRecords, partitionProblem])) })
  .meta({ id: 'DeletedRecords', description: 'One result per partition, in the order of the request' });

// --- fetch

const record = z.strictObject({
  offset,
  timestamp,
  key: z.unknown(),
  value: z.unknown(),
  headers: z.array(z.strictObject({ name: z.string(), value: z.unknown() })).optional(),
});

const partitionRecords = {
  partition,
  highWatermark: offset,
  logStartOffset: offset,
  nextOffset: offset,
  records: z.array(record),
};

export const fetchedPartitions = z
  .strictObject({ topicId, partitions: z.array(z.union([z.strictObject(partitionRecords), partitionProblem])) })
  .meta({ id: 'FetchedPartitions' });

export const fetchedPartition = z.strictObject({ topicId, ...partitionRecords }).meta({ id: 'FetchedPartition' });

// --- segments

const segment = z.strictObject({
  kind: z.enum(['log', 'ingest', 'staged', 'inline', 'list']),
  indexedIn: z.enum(['log', 'page', 'tail']),
  pageOffset: offset.optional(),
  ...{ baseOffset: offset, endOffset: offset, records: z.int().min(0) },
  ...{ object: z.string(), position: z.int().min(0), bytes: z.int().min(0) },
  ...{ maxTimestamp: timestamp, createdAt: timestamp },
});

export const segmentList = z
  .strictObject({
    ...{ topicId, partition, logStartOffset: offset, mergedOffset: offset, tailOffset: offset, highWatermark: offset },
    segments: z.array(segment),
    nextOffset: offset.optional(),
  })
  .meta({ id: 'Segments', description: 'Pieces of one partition, in the order of their offsets' });

// --- the rest

const partitionOffset = z.strictObject({ partition, offset: z.int().min(-1), timestamp });

export const offsetList = z.strictObject({ topicId, partitions: z.array(partitionOffset) }).meta({ id: 'Offsets' });

export const newProducer = z
  .strictObject({ producerId: z.int().min(0), epoch: z.int().min(0) })
  .meta({ id: 'Producer' });

export const health = z.strictObject({ status: z.literal('ok'), version: z.string() }).meta({ id: 'Health' });

/** The OpenAPI document itself. */
export const openApi = z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()) });
