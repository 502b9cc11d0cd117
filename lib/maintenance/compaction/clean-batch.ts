// Compaction cleans one batch after the other. The newest record of each key stays. A tombstone, which is a record without a value,
// stays until its delete horizon is over (KIP-534): a reader that has seen the value must have the time to learn of its end.
//
// Invariant: a tombstone goes only after everything that it deletes. So a pass puts horizons only on the tombstones of its
// own dirty range, below whose offsets it has already removed the older values, and horizons never move.
import type { StampedBatch } from '../../log/read-slices.ts';
import type { OpenBatch } from '../../record/batch.ts';
import { type RawRecord, rawRecords } from '../../record/raw-records.ts';
import type { Pace } from '../../record/steps.ts';
import { type Survivors, thinBatch } from '../../record/thin-batch.ts';
import type { UnpackBudget } from '../../record/unpack.ts';
import type { KeyMap } from './key-map.ts';
import { whileOpen } from './open-batch.ts';

/** The digest of a key costs so much, in units of the pace. */
export const unitsPerHash = 12;

/** Kafka's greatest delete.retention.ms is beyond the whole numbers that we store. */
const farthestHorizonMs = 2 ** 52;

export type CleaningRules = {
  readonly newest: KeyMap;
  /** The map has the keys of [cleanPoint, to). A record from `to` on stays as it is. */
  readonly cleanPoint: number;
  /** This offset is exclusive. */
  readonly to: number;
  readonly nowMs: number;
  readonly deleteRetentionMs: number;
};

/** `bytes` is undefined if nothing stays. If nothing has changed, it is the batch itself. */
export type CleanedBatch = { readonly bytes: Uint8Array | undefined; readonly removedRecords: number };

export async function cleanBatch(
  batch: StampedBatch,
  rules: CleaningRules,
  budget: UnpackBudget,
): Promise<CleanedBatch> {
  const { header, baseOffset, bytes } = batch;
  const isBeyond = baseOffset >= rules.to;
  if (isBeyond || header.isControl) return { bytes, removedRecords: 0 };
  if (header.recordCount === 0) return { bytes: undefined, removedRecords: 0 };
  const cleaned = await whileOpen(bytes, budget, (open) => cleanOpen(batch, open, rules, budget));
  // No reader can unpack the batch, so nothing is known of its keys.
  return cleaned ?? { bytes, removedRecords: 0 };
}

async function cleanOpen(
  { header, baseOffset, bytes }: StampedBatch,
  open: OpenBatch,
  rules: CleaningRules,
  { pace }: UnpackBudget,
): Promise<CleanedBatch> {
  const { survivors, hasTombstone } = await survivorsOf(open, rules, pace);
  const removedRecords = header.recordCount - survivors.count;
  if (survivors.count === 0) return { bytes: undefined, removedRecords };
  const isOfThisPass = baseOffset >= rules.cleanPoint;
  const needsHorizon = hasTombstone && isOfThisPass && !header.hasDeleteHorizon;
  if (removedRecords === 0 && !needsHorizon) return { bytes, removedRecords };
  const horizonMs = needsHorizon ? Math.min(rules.nowMs + rules.deleteRetentionMs, farthestHorizonMs) : undefined;
  const thin = await thinBatch(bytes, open, survivors, pace, horizonMs);
  return thin ? { bytes: thin, removedRecords } : { bytes, removedRecords: 0 };
}

type Found = { readonly survivors: Survivors; readonly hasTombstone: boolean };

async function survivorsOf(open: OpenBatch, rules: CleaningRules, pace: Pace): Promise<Found> {
  const { header, body } = open;
  const isHorizonOver = header.hasDeleteHorizon && header.baseTimestampMs <= rules.nowMs;
  const stays = new Uint8Array(header.recordCount);
  const found = { count: 0, bytes: 0, firstCreatedMs: -1, maxCreatedMs: -1 };
  let hasTombstone = false;
  let i = -1;
  for (const record of rawRecords(header, body)) {
    i++;
    if (pace.isDue(unitsPerHash)) await pace.rest();
    if (!isWanted(record, rules, isHorizonOver)) continue;
    stays[i] = 1;
    if (found.count++ === 0) found.firstCreatedMs = record.createdMs;
    found.bytes += record.to - record.from;
    found.maxCreatedMs = Math.max(found.maxCreatedMs, record.createdMs);
    hasTombstone ||= !record.hasValue;
  }
  return { survivors: { ...found, stays }, hasTombstone };
}

function isWanted({ key, offset, hasValue }: RawRecord, { newest }: CleaningRules, isHorizonOver: boolean): boolean {
  if (key === null) return false;
  const isNewest = newest.newestOf(key) <= offset;
  const isOver = !hasValue && isHorizonOver;
  return isNewest && !isOver;
}
