// The batches that Kafka's own classes wrote (test/fixtures/kafka), with types.
import { readFileSync } from 'node:fs';
import type { DecodedRecord, RecordInput } from '../../lib/record/batch.ts';
import type { Compression } from '../../lib/record/compression.ts';

export type GoldenRecord = {
  readonly offset: number;
  readonly timestamp: number;
  readonly sequence: number;
  readonly keyHex: string | null;
  readonly valueHex: string | null;
  readonly headers: readonly { readonly key: string; readonly valueHex: string | null }[];
};

export type GoldenBatch = {
  readonly sizeInBytes: number;
  readonly baseOffset: number;
  readonly partitionLeaderEpoch: number;
  readonly crc: number;
  readonly attributes: number;
  readonly compression: Compression;
  readonly timestampType: 'CreateTime' | 'LogAppendTime';
  readonly isTransactional: boolean;
  readonly isControlBatch: boolean;
  readonly deleteHorizonMs: number | null;
  readonly lastOffsetDelta: number;
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly lastSequence: number;
  readonly recordCount: number;
  readonly records: readonly GoldenRecord[];
};

export type GoldenCase = { readonly name: string; readonly hex: string; readonly batches: readonly GoldenBatch[] };

export function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../fixtures/kafka/${name}.json`, import.meta.url), 'utf8')) as T;
}

export const goldenCases: readonly GoldenCase[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd', 'control'].flatMap(
  (name) => readFixture<{ cases: GoldenCase[] }>(`batches-${name}`).cases,
);

export function goldenCase(name: string): GoldenCase {
  const found = goldenCases.find((golden) => golden.name === name);
  if (found === undefined) throw new Error(`no golden case ${name}`);
  return found;
}

/** Returns a new copy each time, because tests write into it. */
export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

export function toHex(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('hex');
}

/** A decoded record in the golden files' words. */
export function describeRecord(record: DecodedRecord): GoldenRecord {
  return {
    offset: record.offset,
    timestamp: record.timestampMs,
    sequence: record.sequence,
    keyHex: toHex(record.key),
    valueHex: toHex(record.value),
    headers: record.headers.map(({ key, value }) => ({ key, valueHex: toHex(value) })),
  };
}

export function inputOf(record: GoldenRecord, baseOffset: number): RecordInput {
  const bytes = (hex: string | null) => (hex === null ? null : fromHex(hex));
  return {
    key: bytes(record.keyHex),
    value: bytes(record.valueHex),
    headers: record.headers.map(({ key, valueHex }) => ({ key, value: bytes(valueHex) })),
    timestampMs: record.timestamp,
    offsetDelta: record.offset - baseOffset,
  };
}
