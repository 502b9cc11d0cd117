// Records that come one by one (JSON) become batches here. They are placed by key, encoded, and appended like any others.
// A request with an Idempotency-Key acts as a producer that writes once. Its id is a hash of the key, and its sequence is 0
// in each partition. An anchor item remembers what was asked for, so that a repeat is the same to the byte.

import { createHash } from 'node:crypto';
import { RivuletError } from '../api/errors.ts';
import type { AppendRecordsReply, AppendRecordsRequest, PartitionError } from '../api/records.ts';
import { refused } from '../api/refusal.ts';
import { hashedProducer } from '../producer/ids.ts';
import type { RecordInput } from '../record/batch.ts';
import { idempotencyKey, itemVersion } from '../storage/keys.ts';
import { storageFailure } from '../storage/outcome.ts';
import { absent, any, equals, type Item } from '../storage/table.ts';
import { topicWith } from '../topic/current.ts';
import type { Topic } from '../topic/topics.ts';
import { checkRecordKeys } from './admit-keys.ts';
import { appendAs, type FirstViews, noViews, viewsOf } from './append.ts';
import { encodeAll, type PlacedRecord, type Placement, place } from './batches-of-records.ts';
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
  const placed = place(request, placementOf(context, anchor));
  const partitions = [...placed].map(([partition, records]) => ({
    partition,
    batches: encodeAll(records, topic, anchor.producer ? { ...anchor.producer, baseSequence: 0 } : {}),
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
    const firstViews = await viewsOf(context, topic, [...place(request, placementOf(context, fresh)).keys()]);
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

/** A repeat must place its keyless records where the first request did, so its own hash decides. */
function placementOf({ clock }: LogContext, { producer, partitions, nowMs }: Omit<Anchor, 'firstViews'>): Placement {
  return { partitions, nowMs, chance: producer ? producer.producerId / 2 ** 53 : clock.random() };
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

function perRecord(
  request: AppendRecordsRequest,
  placed: ReadonlyMap<number, readonly PlacedRecord[]>,
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
