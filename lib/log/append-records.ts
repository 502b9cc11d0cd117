// Records that come one by one (JSON) become batches here. They are placed by key, encoded, and appended like any others.
// A request with an Idempotency-Key acts as a producer that writes once. Its id is a hash of the key, and its sequence is 0
// in each partition. An anchor item remembers what was asked for, so that a repeat is the same to the byte.

import { createHash } from 'node:crypto';
import { RivuletError } from '../api/errors.ts';
import type { AppendRecordsReply, AppendRecordsRequest, NewRecord, PartitionError } from '../api/records.ts';
import { refused } from '../api/refusal.ts';
import { partitionForKey } from '../bytes/murmur2.ts';
import { hashedProducer } from '../producer/ids.ts';
import { type EncodeOptions, encodeBatch, type RecordInput } from '../record/batch.ts';
import { idempotencyKey, itemVersion } from '../storage/keys.ts';
import { storageFailure } from '../storage/outcome.ts';
import { absent, any, equals, type Item } from '../storage/table.ts';
import { configNumber } from '../topic/config.ts';
import { topicWith } from '../topic/current.ts';
import type { Topic } from '../topic/topics.ts';
import { topicCompression } from './admit.ts';
import { checkRecordKeys } from './admit-keys.ts';
import { appendAs, type FirstViews, noViews, viewsOf } from './append.ts';
import type { LogContext } from './context.ts';

/** A repeat must find these again: the time that was stamped, and the number of partitions at that time. */
type Anchor = {
  readonly nowMs: number;
  readonly partitions: number;
  readonly producer?: { readonly producerId: number; readonly producerEpoch: number };
  /** If the key was never used, these are the heads as they were before any process could append under it. */
  readonly firstViews: FirstViews;
};

/** This is twice the promised day, because the table deletes expired items when it likes, and clocks differ. */
const anchorSeconds = 2 * 24 * 3600;

type Placed = { readonly index: number; readonly record: RecordInput };

export async function appendRecords(context: LogContext, request: AppendRecordsRequest): Promise<AppendRecordsReply> {
  try {
    return await appendToCopy(context, request);
  } catch (error) {
    const isOurs = request.topicId === undefined;
    // Our copy of the topic was old. The records are placed and claimed again in the topic that has its name now.
    if (isOurs && error instanceof RivuletError && error.errorCode === 'INCONSISTENT_TOPIC_ID')
      return appendToCopy(context, request);
    throw error;
  }
}

async function appendToCopy(context: LogContext, request: AppendRecordsRequest): Promise<AppendRecordsReply> {
  const begunMs = context.clock.now();
  const topic = await topicWith(
    context.topics,
    request,
    request.records.map(({ partition }) => partition ?? 0),
  );
  checkRecordKeys(request.records, topic);
  const anchor = await anchorOf(context, topic, request);
  const placed = place(context, request, anchor);
  const partitions = [...placed].map(([partition, records]) => ({
    partition,
    batches: encode(records, topic, anchor),
    ...(request.expectedOffset !== undefined && { expectedOffset: request.expectedOffset }),
  }));
  const reply = await appendAs(
    context,
    { ...request, topicId: topic.topicId, partitions },
    { check: () => {}, firstViews: anchor.firstViews, begunMs },
  );
  return { topicId: topic.topicId, records: perRecord(request, placed, reply.partitions, anchor) };
}

/** Claims the key for this request, or finds its earlier claim. It costs 1 write unit with a key, and none without. */
async function anchorOf(context: LogContext, topic: Topic, request: AppendRecordsRequest): Promise<Anchor> {
  const mine = { nowMs: context.clock.now(), partitions: topic.partitions, firstViews: noViews };
  if (request.idempotencyKey === undefined) return mine;
  const keyHash = createHash('sha256').update(`${topic.topicId}\0${request.idempotencyKey}`).digest('base64url');
  const fresh = { ...mine, producer: producerOf(keyHash, mine.nowMs) };
  const fingerprint = fingerprintOf(request);
  try {
    // The heads are read before the claim. After it a repeat may append and be evicted, and no newer head would show that.
    const firstViews = await viewsOf(context, topic, [...place(context, request, fresh).keys()]);
    const { claimed, isFirstEver } = await claim(context, {
      ...idempotencyKey(topic.topicId, keyHash),
      v: itemVersion,
      f: fingerprint,
      n: topic.partitions,
      t: mine.nowMs,
      ttl: Math.ceil(mine.nowMs / 1000) + anchorSeconds,
    });
    if (claimed.f !== fingerprint) throw keyReused(request.idempotencyKey);
    if (isFirstEver) return { ...fresh, firstViews };
    const claimedMs = claimed.t as number;
    const producer = producerOf(keyHash, claimedMs);
    return { nowMs: claimedMs, partitions: claimed.n as number, producer, firstViews: noViews };
  } catch (error) {
    throw storageFailure(error, false, false);
  }
}

/** The hash covers the time too, so a key that is used again after its claim expired is another producer. */
function producerOf(keyHash: string, claimedMs: number): NonNullable<Anchor['producer']> {
  const { producerId, epoch } = hashedProducer(createHash('sha256').update(`${keyHash}\0${claimedMs}`).digest());
  return { producerId, producerEpoch: epoch };
}

function keyReused(key: string): RivuletError {
  const detail = `Idempotency-Key ${JSON.stringify(key)} was used with another body`;
  return refused('IDEMPOTENCY_KEY_REUSED', detail);
}

/** A table deletes expired items when it likes, or never. So an expired claim gives way, even while it is being deleted. */
async function claim({ table }: LogContext, item: Item): Promise<{ claimed: Item; isFirstEver: boolean }> {
  const notClaimed = absent('v');
  const first = await table.write({ kind: 'put', item, if: notClaimed });
  if (first.applied) return { claimed: item, isFirstEver: true };
  const { old } = first;
  const nowSeconds = Math.floor((item.t as number) / 1000);
  if (!old || (old.ttl as number) > nowSeconds) return { claimed: old ?? item, isFirstEver: false };
  const renewed = await table.write({ kind: 'put', item, if: any(absent('v'), equals('ttl', old.ttl as number)) });
  return { claimed: renewed.applied ? item : (renewed.old ?? item), isFirstEver: renewed.applied };
}

/** The hash covers everything the client said. A length precedes each part, so that no two requests look alike. */
function fingerprintOf({ records, expectedOffset }: AppendRecordsRequest): string {
  const hash = createHash('sha256');
  const part = (value: Uint8Array | string | number | null | undefined) => {
    const bytes =
      value === null || value === undefined
        ? undefined
        : Buffer.from(typeof value === 'number' ? String(value) : (value as Uint8Array));
    hash.update(`${bytes?.length ?? -1}:`);
    if (bytes) hash.update(bytes);
  };
  part(expectedOffset);
  for (const { partition, key, value, headers, timestampMs } of records) {
    for (const field of [partition, key, value, timestampMs, headers.length]) part(field);
    for (const header of headers) {
      part(header.key);
      part(header.value);
    }
  }
  return hash.digest('base64url');
}

/** Keyed records go where Kafka's producers place them. The keyless records of a request go together to one partition. */
function place(
  context: LogContext,
  request: AppendRecordsRequest,
  anchor: Omit<Anchor, 'firstViews'>,
): Map<number, Placed[]> {
  const chance = anchor.producer ? anchor.producer.producerId / 2 ** 53 : context.clock.random();
  const keyless = Math.floor(chance * anchor.partitions) % anchor.partitions;
  const placed = new Map<number, Placed[]>();
  for (const [index, record] of request.records.entries()) {
    const byKey = record.key ? partitionForKey(record.key, anchor.partitions) : keyless;
    const partition = record.partition ?? byKey;
    const list = placed.get(partition) ?? [];
    list.push({ index, record: asInput(record, anchor.nowMs) });
    placed.set(partition, list);
  }
  return placed;
}

const asInput = ({ key, value, headers, timestampMs }: NewRecord, nowMs: number): RecordInput => ({
  key,
  value,
  headers,
  timestampMs: timestampMs ?? nowMs,
});

/** Encodes one batch, or as many as `max.message.bytes` requires, in sequence. */
function encode(records: readonly Placed[], topic: Topic, anchor: Anchor): Uint8Array {
  const maxBytes = configNumber(topic.overrides, 'max.message.bytes');
  const compression = topicCompression(topic) ?? 'none';
  let sequence = 0;
  const batches = inBatches(records, maxBytes).map((batch) => {
    const options: EncodeOptions = {
      compression,
      ...(anchor.producer && { ...anchor.producer, baseSequence: sequence }),
    };
    sequence += batch.length;
    return encodeBatch(batch, options);
  });
  return Buffer.concat(batches);
}

/** These are upper bounds: the header of a batch, and the varints of each record and of each header. */
const batchOverheadBytes = 61;
const recordOverheadBytes = 32;
const headerOverheadBytes = 10;

function inBatches(records: readonly Placed[], maxBytes: number): RecordInput[][] {
  const batches: RecordInput[][] = [];
  let room = 0;
  for (const { record } of records) {
    const bytes = sizeOf(record);
    if (batches.length === 0 || bytes > room) {
      batches.push([]);
      room = maxBytes - batchOverheadBytes;
    }
    batches.at(-1)!.push(record);
    room -= bytes;
  }
  return batches;
}

function sizeOf({ key, value, headers }: RecordInput): number {
  const inHeaders = headers.reduce(
    (sum, header) => sum + Buffer.byteLength(header.key) + (header.value?.length ?? 0) + headerOverheadBytes,
    0,
  );
  return (key?.length ?? 0) + (value?.length ?? 0) + inHeaders + recordOverheadBytes;
}

function perRecord(
  request: AppendRecordsRequest,
  placed: ReadonlyMap<number, readonly Placed[]>,
  results: Awaited<ReturnType<typeof appendAs>>['partitions'],
  anchor: Anchor,
): AppendRecordsReply['records'] {
  const records = new Array<AppendRecordsReply['records'][number]>(request.records.length);
  for (const result of results) {
    for (const [i, { index, record }] of placed.get(result.partition)!.entries()) {
      records[index] = 'error' in result ? errorOf(result) : acked(result, i, record, anchor);
    }
  }
  return records;
}

const errorOf = ({ partition, error }: PartitionError): PartitionError => ({ partition, error });

function acked(
  {
    partition,
    baseOffset,
    logAppendTimeMs,
    duplicate,
  }: { partition: number; baseOffset: number; logAppendTimeMs: number; duplicate: boolean },
  index: number,
  record: RecordInput,
  anchor: Anchor,
) {
  const timestampMs = logAppendTimeMs >= 0 ? logAppendTimeMs : (record.timestampMs ?? anchor.nowMs);
  return { partition, offset: baseOffset + index, timestampMs, duplicate };
}
