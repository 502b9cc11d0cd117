// A small world for tests of the log. It has memory adapters behind ports that a test can watch and break, and a clock
// that jumps instead of waiting.

import type { Engine } from '../../lib/api/engine.ts';
import type { RivuletError } from '../../lib/api/errors.ts';
import type { AppendAck, PartitionRecords } from '../../lib/api/records.ts';
import { createEngine } from '../../lib/engine.ts';
import { type DecodedRecord, decodeBatch, type EncodeOptions, encodeBatch } from '../../lib/record/batch.ts';
import type { Clock } from '../../lib/runtime/clock.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import type { Table } from '../../lib/storage/table.ts';

export const startMs = Date.UTC(2026, 0, 1);

export type TestClock = Clock & { advance(ms: number): void };

/** Time passes only by sleeping, and sleeping takes no real time. Random numbers are a fixed sequence. */
export function createTestClock(): TestClock {
  let nowMs = startMs;
  let state = 1;
  const random = () => {
    state = (state * 48271) % 0x7fffffff;
    return state / 0x7fffffff;
  };
  return {
    now: () => Math.floor(nowMs),
    monotonic: () => nowMs,
    async sleep(ms) {
      await new Promise((resolve) => setImmediate(resolve));
      nowMs += ms;
    },
    random,
    randomBytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(random() * 256)),
    advance: (ms) => {
      nowMs += ms;
    },
  };
}

export type World = { engine: Engine; objects: ObjectStore; table: Table; clock: TestClock };

/** `wrap` puts a decorator around the ports. Another engine over the same ports stands for another process. */
export function createWorld(
  wrap: (ports: { objects: ObjectStore; table: Table }) => { objects: ObjectStore; table: Table } = (ports) => ports,
): World {
  const clock = createTestClock();
  const ports = wrap({ objects: createMemoryObjectStore({ clock }), table: createMemoryTable() });
  return { engine: createEngine({ ...ports, clock }), ...ports, clock };
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** A batch of records with these values, all of key "k". */
export function batchOf(values: readonly string[], options: EncodeOptions & { timestampMs?: number } = {}): Uint8Array {
  const { timestampMs = startMs, ...rest } = options;
  return encodeBatch(
    values.map((value) => ({ key: text('k'), value: text(value), headers: [], timestampMs })),
    rest,
  );
}

/** One partition's result of an append to topic "t", which must be an acknowledgement. */
export async function appendOne(
  engine: Engine,
  partition: number,
  batches: Uint8Array,
  expectedOffset?: number,
): Promise<AppendAck> {
  const result = await tryAppend(engine, partition, batches, expectedOffset);
  if ('error' in result) throw result.error;
  return result;
}

export async function tryAppend(
  engine: Engine,
  partition: number,
  batches: Uint8Array,
  expectedOffset?: number,
): Promise<AppendAck | { partition: number; error: RivuletError }> {
  const reply = await engine.append({
    topic: 't',
    partitions: [{ partition, batches, ...(expectedOffset !== undefined && { expectedOffset }) }],
  });
  return reply.partitions[0]!;
}

/** Every record of a partition from `offset` on, read in as many fetches as it takes. */
export async function readAll(engine: Engine, partition: number, from = 0, topic = 't'): Promise<DecodedRecord[]> {
  const records: DecodedRecord[] = [];
  for (let offset = from; ; ) {
    const { partitions } = await engine.fetch({ topic, partitions: [{ partition, offset }] });
    const result = partitions[0] as PartitionRecords | { error: RivuletError };
    if ('error' in result) throw result.error;
    const got = result.batches
      .flatMap((bytes) => decodeBatch(bytes).records)
      .filter((record) => record.offset >= offset);
    if (got.length === 0) return records;
    records.push(...got);
    offset = got.at(-1)!.offset + 1;
  }
}

export const valuesOf = (records: readonly DecodedRecord[]): string[] =>
  records.map(({ value }) => new TextDecoder().decode(value!));
