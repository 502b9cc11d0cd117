// A world for tests of compaction: the compacted topic "t" with one partition, log segments of any size, the model that the
// compactor is held to, and what a reader sees.
import type { Engine } from '../../../lib/api/engine.ts';
import { createEngine } from '../../../lib/engine.ts';
import { compact } from '../../../lib/maintenance/compact.ts';
import { type CompactionLimits, compactionLimits } from '../../../lib/maintenance/compaction/pass.ts';
import { type MaintenanceContext, newCounts } from '../../../lib/maintenance/context.ts';
import { type LogBatch, writeLogSegments } from '../../../lib/maintenance/log-segment-writer.ts';
import { parseHead, segmentEpochAt } from '../../../lib/partition/head.ts';
import { type LogItem, logItem, logItemsBetween, logSegmentKeyOf } from '../../../lib/partition/log-item.ts';
import { readMaintenanceItem } from '../../../lib/partition/maintenance-item.ts';
import type { PageAddress } from '../../../lib/partition/page.ts';
import { type DecodedRecord, decodeBatch, type EncodeOptions, encodeBatch } from '../../../lib/record/batch.ts';
import { readBatchHeader, splitBatches } from '../../../lib/record/batch-header.ts';
import { headKey, maintenanceKey } from '../../../lib/storage/keys.ts';
import type { ObjectStore } from '../../../lib/storage/object-store.ts';
import type { Table } from '../../../lib/storage/table.ts';
import { createTopics, type Topic } from '../../../lib/topic/topics.ts';
import { appendOne, createWorld, text, type World } from '../../log/world.ts';
import { passOver } from '../pass.ts';

export type Ports = { readonly objects: ObjectStore; readonly table: Table };
export type CompactedWorld = World & { readonly topic: Topic; readonly address: PageAddress };

/** A record that was appended. A value of null is a tombstone. */
export type Appended = { readonly offset: number; readonly key: string; readonly value: string | null };

export const deleteRetentionMs = 1_000;

export async function createCompactedWorld(
  config: Record<string, string> = {},
  world: World = createWorld(),
): Promise<CompactedWorld> {
  const defaults = {
    'cleanup.policy': 'compact',
    'min.cleanable.dirty.ratio': '0',
    'delete.retention.ms': String(deleteRetentionMs),
  };
  const { topicId } = await world.engine.createTopic({ topic: 't', config: { ...defaults, ...config } });
  const topic = await createTopics(world.table, world.clock).resolve({ topic: 't' });
  return { ...world, topic, address: { topicId, partition: 0 } };
}

export type NewRecord = { readonly key: string; readonly value: string | null };

/** Appends one batch. */
export async function append(
  { engine, clock }: CompactedWorld,
  records: readonly NewRecord[],
  options: EncodeOptions = {},
): Promise<Appended[]> {
  const inputs = records.map(({ key, value }) => ({
    key: text(key),
    value: value === null ? null : text(value),
    headers: [],
    timestampMs: clock.now(),
  }));
  const { baseOffset } = await appendOne(engine, 0, encodeBatch(inputs, options));
  return records.map((record, i) => ({ ...record, offset: baseOffset + i }));
}

/**
 * Moves everything that no log item has into log segments of so many batches each, the last size again and again. A merge
 * makes the same, but of its own sizes.
 */
export async function cutInto({ engine, table, objects, clock, address }: CompactedWorld, sizes: readonly number[]) {
  const { logEnd } = await readMaintenanceItem(table, address);
  const batches = await batchesFrom(engine, logEnd);
  let from = logEnd;
  for (let i = 0; batches.length > 0; i++) {
    const cut = batches.splice(0, sizes[Math.min(i, sizes.length - 1)]!);
    const last = cut.at(-1)!.header;
    const to = last.baseOffset + last.lastOffsetDelta + 1;
    const range = { address, firstOffset: from, endOffset: to, totals: cut.at(-1)!, fence: 0 };
    const items = await writeLogSegments({ objects, clock, counts: newCounts() }, range, cut);
    for (const item of items) await table.write({ kind: 'put', item: logItem(address, item) });
    from = to;
  }
  const { topicId, partition } = address;
  await table.write({ kind: 'update', key: maintenanceKey(topicId, partition), update: { set: [['lm', from]] } });
  const key = headKey(topicId, partition);
  const { tail, maxTimestampBelowTail } = parseHead((await table.get(key))!);
  const w = Math.max(maxTimestampBelowTail, ...tail.map(({ entry }) => entry.maxTimestampMs));
  // The tail is empty then, as after a spill and a merge of everything.
  const set = Object.entries({ m: from, b: from, t: [], p: {}, w, x: 1_000_000 });
  await table.write({ kind: 'update', key, update: { set } });

  async function batchesFrom(reader: Engine, offset: number): Promise<LogBatch[]> {
    const found: LogBatch[] = [];
    for (const bytes of await readBatches(reader, offset)) {
      const header = readBatchHeader(bytes);
      const totals = { newestEpoch: segmentEpochAt(clock.now()), bytesAppended: 0, runningMaxTimestampMs: clock.now() };
      found.push({ bytes, header, baseOffset: header.baseOffset, ...totals });
    }
    return found;
  }
}

export const runPass = (
  world: CompactedWorld,
  limits: Partial<CompactionLimits> = {},
  context: MaintenanceContext = passOver(world),
): Promise<void> => compact(context, world.topic, 0, { ...compactionLimits, ...limits });

export async function itemsOf({ table, address }: CompactedWorld): Promise<LogItem[]> {
  const items: LogItem[] = [];
  for await (const item of logItemsBetween(table, address, 0, Number.MAX_SAFE_INTEGER)) items.push(item);
  return items;
}

/** Does what a sweep does later: it deletes the log segments that no item names. */
export async function deleteUnnamed(world: CompactedWorld): Promise<number> {
  const named = new Set((await itemsOf(world)).map((item) => logSegmentKeyOf(world.address, item)));
  const { objects } = await world.objects.list({});
  const unnamed = objects.map(({ key }) => key).filter((key) => key.includes('/log/') && !named.has(key));
  await world.objects.delete(unnamed);
  return unnamed.length;
}

/** All batches from the offset on, as a consumer reads them. It fails where a consumer would stand for ever. */
export async function readBatches(engine: Engine, from = 0): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for (let offset = from; ; ) {
    const { partitions } = await engine.fetch({ topic: 't', partitions: [{ partition: 0, offset }], maxBytes: 500 });
    const result = partitions[0]!;
    if ('error' in result) throw result.error;
    const batches = result.batches.flatMap((bytes) =>
      splitBatches(bytes).map((slice) => bytes.subarray(slice.from, slice.to)),
    );
    if (batches.length === 0 && offset < result.highWatermark) throw new Error(`nothing to read at offset ${offset}`);
    if (batches.length === 0) return all;
    all.push(...batches);
    const { header } = splitBatches(batches.at(-1)!)[0]!;
    offset = header.baseOffset + header.lastOffsetDelta + 1;
  }
}

const plain = ({ offset, key, value }: DecodedRecord): Appended => ({
  offset,
  key: new TextDecoder().decode(key!),
  value: value === null ? null : new TextDecoder().decode(value),
});

/** A new engine has no copies of anything. */
export async function readRecords({ objects, table, clock }: CompactedWorld): Promise<Appended[]> {
  const batches = await readBatches(createEngine({ objects, table, clock }));
  return batches.flatMap((bytes) => decodeBatch(bytes).records.map(plain));
}

/** The compactor is held to this: the newest value for each key, offsets kept, tombstones by the clock. */
export class Model {
  records: Appended[] = [];
  readonly #horizons = new Map<number, number>();

  pass(to: number, nowMs: number): void {
    const newest = new Map(this.records.filter(({ offset }) => offset < to).map(({ key, offset }) => [key, offset]));
    const isOver = ({ offset, value }: Appended) => value === null && nowMs >= (this.#horizons.get(offset) ?? Infinity);
    this.records = this.records.filter(
      (record) => record.offset >= to || (newest.get(record.key) === record.offset && !isOver(record)),
    );
    for (const { offset, value } of this.records)
      if (offset < to && value === null && !this.#horizons.has(offset))
        this.#horizons.set(offset, nowMs + deleteRetentionMs);
  }
}
