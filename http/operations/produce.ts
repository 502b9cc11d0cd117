// Produce appends records to a topic, or to one of its partitions, as JSON records or as binary batches.
//
// A reply has one result per record (JSON) or per frame (binary). Its status is 200 if anything was written. Otherwise it
// has the status of the worst error, with the same body.

import * as z from 'zod';
import type { LogEngine } from '../../lib/api/engine.ts';
import type {
  AppendAck,
  AppendRecordsReply,
  AppendRecordsRequest,
  AppendReply,
  AppendRequest,
  NewRecord,
} from '../../lib/api/records.ts';
import { unexpected } from '../../lib/api/refusal.ts';
import type { StageReply, Staging } from '../../lib/api/transactions.ts';
import { bytesOfJson } from '../../lib/json/values.ts';
import { BATCHES_MEDIA_TYPE, type ProduceFrame } from '../../lib/record/frames.ts';
import { defined } from '../defined.ts';
import type { HttpResult } from '../http-event.ts';
import { type Call, type Operation, operation } from '../operation.ts';
import { parse } from '../parse.ts';
import { failedWrite, replyOf } from '../results.ts';
import { batchesAcks, recordAcks } from '../schemas/replies.ts';
import {
  idempotencyKey,
  partitionPath,
  produceBody,
  producePartitionBody,
  producePartitionQuery,
  produceQuery,
  type RecordBody,
  topicPath,
} from '../schemas/schemas.ts';
import { stagedPartitions, transactionHeader } from '../schemas/transaction-schemas.ts';
import { transactionErrors, transactionOf } from './transactions.ts';

/** The function that produces also stages the records of transactions. */
type ProducingEngine = LogEngine & { readonly transactions: Staging };

const IDEMPOTENCY_KEY = 'idempotency-key';

const shared = {
  method: 'POST',
  writes: true,
  headerSchemas: {
    'Idempotency-Key': idempotencyKey.optional(),
    'Rivulet-Transaction': transactionHeader.optional(),
  },
  status: 200,
  replySchema: z.union([recordAcks, stagedPartitions]),
  batchesReplySchema: z.union([batchesAcks, stagedPartitions]),
  repliesResults: true,
  errors: [
    'UNKNOWN_TOPIC_OR_PARTITION',
    'INCONSISTENT_TOPIC_ID',
    'CORRUPT_MESSAGE',
    'INVALID_RECORD',
    'INVALID_TIMESTAMP',
    'UNSUPPORTED_FOR_MESSAGE_FORMAT',
    'UNSUPPORTED_COMPRESSION_TYPE',
    'MESSAGE_TOO_LARGE',
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    'DUPLICATE_SEQUENCE_NUMBER',
    'INVALID_PRODUCER_EPOCH',
    'UNKNOWN_PRODUCER_ID',
    'IDEMPOTENCY_KEY_REUSED',
    ...transactionErrors,
    'REQUEST_TIMED_OUT',
  ],
} as const;

export function produceOperations(engine: ProducingEngine): Operation[] {
  return [toTopic(engine), toPartition(engine)];
}

const toTopic = (engine: ProducingEngine) =>
  operation({
    ...shared,
    id: 'produce',
    summary: 'Append records to any partitions of a topic',
    path: '/v1/topics/{topic}/records',
    pathSchema: topicPath,
    querySchema: produceQuery,
    bodySchema: produceBody,
    run: async ({ path, query, headers }, body) => {
      refuseBeside(query);
      return produceRecords(engine, headers, {
        ...defined({ topic: path.topic, topicId: body.topicId, idempotencyKey: keyOf(headers) }),
        records: body.records.map(newRecord),
      });
    },
    runBatches: async ({ path, query, headers }, frames) => {
      refuseKey(headers);
      const partitions = someFrames(frames);
      return produceBatches(engine, headers, {
        ...defined({ topic: path.topic, topicId: query.topicId }),
        partitions,
      });
    },
  });

const toPartition = (engine: ProducingEngine) =>
  operation({
    ...shared,
    id: 'produceToPartition',
    summary: 'Append records to one partition, optionally only at an expected offset',
    path: '/v1/topics/{topic}/partitions/{p}/records',
    pathSchema: partitionPath,
    querySchema: producePartitionQuery,
    bodySchema: producePartitionBody,
    errors: [...shared.errors, 'UNEXPECTED_OFFSET'],
    run: async ({ path, query, headers }, body) => {
      refuseBeside(query);
      const { topicId, expectedOffset } = body;
      return produceRecords(engine, headers, {
        ...defined({ topic: path.topic, topicId, expectedOffset, idempotencyKey: keyOf(headers) }),
        records: body.records.map((record, index) => ({ ...newRecord(record, index), partition: path.p })),
      });
    },
    runBatches: async ({ path, query, headers }, frames) => {
      refuseKey(headers);
      const { expectedOffset } = query;
      const partitions = someFrames(frames).map((frame) => defined({ ...ofPartition(frame, path.p), expectedOffset }));
      return produceBatches(engine, headers, {
        ...defined({ topic: path.topic, topicId: query.topicId }),
        partitions,
      });
    },
  });

async function produceRecords(
  engine: ProducingEngine,
  headers: Headers,
  request: AppendRecordsRequest,
): Promise<HttpResult> {
  const transaction = transactionOf(headers);
  return transaction
    ? stagedResults(await engine.transactions.stageRecords({ ...request, in: transaction }))
    : recordResults(await engine.appendRecords(request));
}

async function produceBatches(engine: ProducingEngine, headers: Headers, request: AppendRequest): Promise<HttpResult> {
  const transaction = transactionOf(headers);
  return transaction
    ? stagedResults(await engine.transactions.stage({ ...request, in: transaction }))
    : batchResults(await engine.append(request));
}

// --- in

type Headers = Call<unknown, unknown>['headers'];

function newRecord(record: RecordBody, index: number): NewRecord {
  const field = `body.records[${index}]`;
  const { partition, timestamp } = record;
  return {
    ...defined({ partition, timestampMs: timestamp }),
    key: bytesOfJson(record.key, `${field}.key`),
    value: bytesOfJson(record.value, `${field}.value`),
    headers: (record.headers ?? []).map(({ name, value }, at) => ({
      key: name,
      value: bytesOfJson(value, `${field}.headers[${at}].value`),
    })),
  };
}

function keyOf(headers: Headers): string | undefined {
  const key = headers[IDEMPOTENCY_KEY];
  return key === undefined ? undefined : parse(idempotencyKey, key, `header.${IDEMPOTENCY_KEY}`);
}

/** Batches carry the sequence of their producer, so they take no idempotency key. */
function refuseKey(headers: Headers): void {
  const key = headers[IDEMPOTENCY_KEY];
  if (key !== undefined) throw unexpected(`header.${IDEMPOTENCY_KEY}`, 'a JSON body beside it', BATCHES_MEDIA_TYPE);
}

/** With a JSON body these fields belong inside it: two places could disagree. */
function refuseBeside(query: Record<string, unknown>): void {
  const [name] = Object.keys(query);
  if (name !== undefined) throw unexpected(`query.${name}`, 'this field inside the JSON body', query[name]);
}

function someFrames(frames: ProduceFrame[]): ProduceFrame[] {
  if (frames.length === 0) throw unexpected('body', 'at least 1 frame', undefined);
  return frames;
}

function ofPartition(frame: ProduceFrame, partition: number): ProduceFrame {
  if (frame.partition === partition) return frame;
  throw unexpected('body', `frames of partition ${partition}, as in the path`, frame.partition);
}

// --- out

function recordResults({ topicId, records }: AppendRecordsReply): HttpResult {
  const results = records.map((result) =>
    'error' in result
      ? failedWrite(result)
      : { partition: result.partition, offset: result.offset, timestamp: result.timestampMs, ...repeat(result) },
  );
  return replyOf(records, { topicId, records: results });
}

function batchResults({ topicId, partitions }: AppendReply): HttpResult {
  const results = partitions.map((result) => ('error' in result ? failedWrite(result) : ackOf(result)));
  return replyOf(partitions, { topicId, partitions: results });
}

function stagedResults({ topicId, partitions }: StageReply): HttpResult {
  const results = partitions.map((result) =>
    'error' in result
      ? failedWrite(result)
      : { partition: result.partition, staged: result.records, ...repeat(result) },
  );
  return replyOf(partitions, { topicId, partitions: results });
}

function ackOf(ack: AppendAck) {
  const { partition, baseOffset, lastOffset, logStartOffset, logAppendTimeMs } = ack;
  return { partition, baseOffset, lastOffset, logStartOffset, logAppendTime: logAppendTimeMs, ...repeat(ack) };
}

function repeat({ duplicate }: { readonly duplicate: boolean }) {
  return duplicate ? { duplicate: true } : {};
}
