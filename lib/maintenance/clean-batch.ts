// What compaction keeps of one batch. The newest record of each key stays. A tombstone, which is a record without a value,
// stays until its delete horizon is over (KIP-534): a reader that has seen the value must have the time to learn of its end.
//
// Invariant: a tombstone goes only after everything that it deletes. So a pass puts horizons only on the tombstones of its
// own dirty range, below whose offsets it has already removed the older values, and horizons never move.
import type { StampedBatch } from '../log/read-slices.ts';
import type { OpenBatch } from '../record/batch.ts';
import { CorruptBatchError } from '../record/corrupt-batch-error.ts';
import { type RawRecord, rawRecords } from '../record/raw-records.ts';
import { type Survivors, thinBatch } from '../record/thin-batch.ts';
import type { UnpackBudget } from '../record/unpack.ts';
import { readWhole } from './read-whole.ts';
import type { KeyMap } from './key-map.ts';

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
  const cleaned = await readWhole(batch, budget, (open) => cleanOpen(batch, open, rules, budget));
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
  const horizonMs = needsHorizon ? rules.nowMs + rules.deleteRetentionMs : undefined;
  const thin = await thinBatch(bytes, open, survivors, pace, horizonMs);
  return thin ? { bytes: thin, removedRecords } : { bytes, removedRecords: 0 };
}
