// The steps of one compaction pass share this. The limits say how much one pass takes on.
import type { UnpackBudget } from '../../record/unpack.ts';
import type { MaintenanceContext } from '../context.ts';
import { mostSwapped } from '../swap.ts';
import type { CompactionPlan } from './plan.ts';

export type CompactionLimits = {
  /** The map of a pass has at most so many keys, of 30 bytes each. One item always fits. */
  readonly mapKeys: number;
  /** A pass reads at most so many dirty bytes, so that there is time left for the units. One item always fits. */
  readonly dirtyBytes: number;
  readonly unitBytes: number;
  readonly unitItems: number;
};

/** With these limits a pass takes about 1 GiB of memory at most: the map 600 MB, a unit and its output 128 MiB. */
export const compactionLimits: CompactionLimits = {
  mapKeys: 20_000_000,
  dirtyBytes: 8 * 1024 ** 3,
  unitBytes: 64 * 1024 ** 2,
  unitItems: mostSwapped,
};

export type CompactionPass = {
  readonly context: MaintenanceContext;
  readonly plan: CompactionPlan;
  readonly limits: CompactionLimits;
  readonly budget: UnpackBudget;
  readonly deleteRetentionMs: number;
};
