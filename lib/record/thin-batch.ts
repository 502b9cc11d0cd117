// Compaction takes records out of a batch. Each record that stays keeps its offset, its time and its bytes. The batch keeps its codec,
// its offsets, its producer and its attributes, as Kafka's cleaner leaves it. The base timestamp becomes that of the first
// record that stays, or the delete horizon: a batch whose greatest timestamp is below its base timestamp would not be valid.
import { limits } from '../api/limits.ts';
import { crc32c } from '../bytes/crc32c.ts';
import { type Cursor, putBytes } from '../bytes/cursor.ts';
import { writeInt64 } from '../bytes/int64.ts';
import { varlongBytes, writeVarint, writeVarlong } from '../bytes/varint.ts';
import type { OpenBatch } from './batch.ts';
import { attribute, field, lengthOverheadBytes, recordBatchOverheadBytes } from './batch-header.ts';
import { compressAside } from './compression.ts';
import { rawRecords } from './raw-records.ts';
import type { Pace } from './steps.ts';

/** The records of a batch that stay. There is at least one. */
export type Survivors = {
  /** One byte for each record: 1 if it stays. */
  readonly stays: Uint8Array;
  readonly count: number;
  /** The sum of their bytes, without those before `RawRecord.from`. */
  readonly bytes: number;
  readonly firstCreatedMs: number;
  readonly maxCreatedMs: number;
};

/** An upper bound of the bytes of a record before `RawRecord.from`: its length, its attributes and its time. */
const mostBytesBefore = 5 + 1 + 10;
const bytesPerUnit = 50;
const noTimestampMs = -1;

/**
 * Returns the batch with only its survivors. `deleteHorizonMs` sets the horizon; a horizon that the batch has stays. The
 * result is undefined if no reader could read it, because its producer claimed absurd times: they are stored as
 * differences from the base timestamp, which may be too long, or too great.
 */
export async function thinBatch(
  batch: Uint8Array,
  open: OpenBatch,
  survivors: Survivors,
  pace: Pace,
  deleteHorizonMs?: number,
): Promise<Uint8Array | undefined> {
  const { header } = open;
  const horizonMs = header.hasDeleteHorizon ? header.baseTimestampMs : deleteHorizonMs;
  const baseMs = horizonMs ?? Math.max(noTimestampMs, survivors.firstCreatedMs);
  const body = await bodyOf(open, survivors, baseMs, pace);
  if (!body || body.length > limits.uncompressedBatchBytes) return undefined;
  const packed = await compressAside(header.compression, body);
  const thin = new Uint8Array(recordBatchOverheadBytes + packed.length);
  thin.set(batch.subarray(0, recordBatchOverheadBytes));
  thin.set(packed, recordBatchOverheadBytes);
  const view = new DataView(thin.buffer);
  view.setInt32(field.length, thin.length - lengthOverheadBytes);
  if (horizonMs !== undefined) view.setInt16(field.attributes, header.attributes | attribute.deleteHorizon);
  writeInt64(view, field.baseTimestamp, baseMs);
  const isCreateTime = header.timestampType === 'CreateTime';
  if (isCreateTime) writeInt64(view, field.maxTimestamp, Math.max(noTimestampMs, survivors.maxCreatedMs));
  view.setInt32(field.recordCount, survivors.count);
  view.setUint32(field.crc, crc32c(thin, field.attributes));
  return thin;
}

async function bodyOf(
  { header, body }: OpenBatch,
  { stays, count, bytes }: Survivors,
  baseMs: number,
  pace: Pace,
): Promise<Uint8Array | undefined> {
  const target = new Uint8Array(bytes + count * mostBytesBefore);
  const writer: Cursor = { bytes: target, at: 0, end: target.length };
  let i = 0;
  for (const { createdMs, from, to } of rawRecords(header, body)) {
    if (stays[i++] === 1) {
      const delta = createdMs - baseMs;
      if (!Number.isSafeInteger(delta)) return undefined;
      writeVarint(writer, 1 + varlongBytes(delta) + to - from);
      target[writer.at++] = 0;
      writeVarlong(writer, delta);
      putBytes(writer, body.subarray(from, to));
    }
    if (pace.isDue(1 + (to - from) / bytesPerUnit)) await pace.rest();
  }
  return target.subarray(0, writer.at);
}
