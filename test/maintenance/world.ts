// A world for tests of maintenance: topic "t" with one partition, and all that a reader can see of it.

import { expect } from 'vitest';
import { jsonRecords, newReplyRoom } from '../../http/json-records.ts';
import type { Engine } from '../../lib/api/engine.ts';
import type { PartitionRecords } from '../../lib/api/records.ts';
import { createEngine } from '../../lib/engine.ts';
import { namesOf } from '../../lib/maintenance/named.ts';
import { type Head, parseHead } from '../../lib/partition/head.ts';
import { type LogItem, logItemsBetween } from '../../lib/partition/log-item.ts';
import { type MaintenanceItem, readMaintenanceItem } from '../../lib/partition/maintenance-item.ts';
import { type Page, type PageAddress, pagesBetween } from '../../lib/partition/page.ts';
import { decodeBatch } from '../../lib/record/batch.ts';
import { headKey } from '../../lib/storage/keys.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import type { Table } from '../../lib/storage/table.ts';
import { appendOne, batchOf, createWorld, startMs, type TestClock, type World } from '../log/world.ts';

export type Ports = { readonly objects: ObjectStore; readonly table: Table };
export type Partition = World & { readonly address: PageAddress };

export async function createPartition(world: World = createWorld()): Promise<Partition> {
  const { topicId } = await world.engine.createTopic({ topic: 't' });
  return { ...world, address: { topicId, partition: 0 } };
}

/** Appends one batch each, with one to three records. Times go up and down. Returns what must be readable. */
export async function fill(engine: Engine, count: number, name = 'v'): Promise<string[]> {
  const all: string[] = [];
  for (let i = 0; i < count; i++) {
    const values = Array.from({ length: (i % 3) + 1 }, (_, n) => `${name}${i}.${n}`);
    await appendOne(engine, 0, batchOf(values, { timestampMs: startMs + ((i * 7919) % 1009) }));
    all.push(...values);
  }
  return all;
}

export type Stored = {
  readonly head: Omit<Head, 'producer'>;
  readonly upkeep: MaintenanceItem;
  readonly items: LogItem[];
  readonly pages: Page[];
};

export async function storedOf({ table }: Pick<Ports, 'table'>, address: PageAddress): Promise<Stored> {
  const item = await table.get(headKey(address.topicId, address.partition), { strong: true });
  const { producer: _producer, ...head } = parseHead(item!);
  return {
    head,
    upkeep: await readMaintenanceItem(table, address),
    items: await all(logItemsBetween(table, address, 0, Number.MAX_SAFE_INTEGER)),
    pages: await all(pagesBetween(table, address, 0, Number.MAX_SAFE_INTEGER)),
  };
}

/** The zones fit together, the index has no hole in any of them, and every object that is named is there. */
export async function expectSound(ports: Ports, address: PageAddress): Promise<void> {
  const { head, upkeep, items, pages } = await storedOf(ports, address);
  const kept = pages.filter(({ firstOffset }) => firstOffset >= upkeep.historyFloor && firstOffset < head.tailBase);
  expect([head.mergedTo <= upkeep.logEnd, upkeep.logEnd <= head.tailBase]).toEqual([true, true]);
  expectDense(kept, upkeep.historyFloor, head.tailBase);
  if (upkeep.logEnd > 0) expectDense(items, items[0]?.firstOffset ?? upkeep.logEnd, upkeep.logEnd);
  expect(items[0]?.firstOffset ?? upkeep.logEnd).toBeLessThanOrEqual(Math.max(head.logStart, upkeep.logEnd));
  for await (const key of namesOf(ports, address))
    expect(await ports.objects.get(key, { from: 0, to: 1 }), key).toHaveLength(1);
}

function expectDense(
  stretches: readonly { readonly firstOffset: number; readonly endOffset: number }[],
  from: number,
  to: number,
): void {
  const ends = [from, ...stretches.map(({ endOffset }) => endOffset)];
  expect([...stretches.map(({ firstOffset }) => firstOffset), to]).toEqual(ends);
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of source) found.push(one);
  return found;
}

/** Reads the partition on every fetch path, without what may differ between two zones. */
export async function seenBy(ports: Ports & { clock: TestClock }) {
  const engine = createEngine(ports);
  const offsets = async (at: number | 'maxTimestamp' | 'earliest' | 'latest') =>
    (await engine.offsets({ topic: 't', at, partitions: [0] })).partitions[0]!;
  const [earliest, latest] = [(await offsets('earliest')).offset, (await offsets('latest')).offset];
  const binary = await readBinary(engine, earliest, latest);
  const times = [...new Set(binary.map(({ timestampMs }) => timestampMs))];
  return {
    earliest,
    latest,
    binary,
    json: await readJson(engine, earliest, latest),
    byTime: await Promise.all(times.map(offsets)),
    greatest: await offsets('maxTimestamp'),
    lag: await lagFrom(engine, earliest),
  };
}

type Seen = { readonly offset: number; readonly timestampMs: number; readonly value: string };

/** Small replies, so that they begin anywhere. */
async function fetchAt(engine: Engine, offset: number): Promise<PartitionRecords> {
  const { partitions } = await engine.fetch({ topic: 't', partitions: [{ partition: 0, offset }], maxBytes: 700 });
  const [result] = partitions;
  if ('error' in result!) throw result.error;
  return result as PartitionRecords;
}

export async function readBinary(engine: Engine, from: number, to: number): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (let offset = from; offset < to; ) {
    const batches = (await fetchAt(engine, offset)).batches.map((bytes) => decodeBatch(bytes));
    if (batches.length === 0) throw new Error(`nothing to read at offset ${offset} of ${to}`);
    for (const record of batches.flatMap(({ records }) => records))
      if (record.offset >= offset) seen.push(seenOf(record));
    const { header } = batches.at(-1)!;
    offset = header.baseOffset + header.lastOffsetDelta + 1;
  }
  return seen;
}

const seenOf = (record: { offset: number; timestampMs: number; value: Uint8Array | null }): Seen => ({
  offset: record.offset,
  timestampMs: record.timestampMs,
  value: Buffer.from(record.value ?? []).toString(),
});

async function readJson(engine: Engine, from: number, to: number): Promise<unknown[]> {
  const records: unknown[] = [];
  for (let offset = from; offset < to; ) {
    const text = await jsonRecords(await fetchAt(engine, offset), offset, newReplyRoom(undefined));
    if (typeof text !== 'string') throw text;
    const reply = JSON.parse(`{${text}}`);
    if (reply.nextOffset <= offset) throw new Error(`JSON stands still at offset ${offset} of ${to}`);
    records.push(...reply.records);
    offset = reply.nextOffset;
  }
  return records;
}

/** The records that a group has before it which stands at the log start. The time lag may round within a log segment. */
async function lagFrom(engine: Engine, offset: number) {
  const groupId = `group-${offset}`;
  await engine.groups.commitOffsets({ groupId, topics: [{ topic: 't', partitions: [{ partition: 0, offset }] }] });
  const [row] = await engine.groups.lag(groupId);
  return { lag: row?.lag, lostRecords: row?.lostRecords };
}
