// The parts of maintenance share this context for one pass. Any number of passes may run at a time, in any process:
// conditions in the table decide, and never this context.
import type { MaintenanceCounts, MaintenanceDamage } from '../api/maintenance.ts';
import type { PageAddress } from '../partition/page.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { Table } from '../storage/table.ts';

export type Counts = { -readonly [Name in keyof MaintenanceCounts]: MaintenanceCounts[Name] };

export type MaintenanceContext = {
  readonly objects: ObjectStore;
  readonly table: Table;
  readonly clock: Clock;
  /** If true, nothing is written or deleted, and the counts say what would be. */
  readonly isDryRun: boolean;
  /** If true, also ranges are merged that the rules of size and age would leave for later. */
  readonly isFull: boolean;
  /** The pass asks this between steps. If it returns true, the pass ends with what it has done. */
  readonly isOver: () => boolean;
  readonly counts: Counts;
  /** Tells the waiting fetches of this process that records were removed. */
  readonly onLogStart?: (address: PageAddress) => void;
  readonly onDamage: (address: PageAddress, damage: Omit<MaintenanceDamage, 'partition'>) => void;
};

export const newCounts = (): Counts => ({
  mergedRecords: 0,
  mergedBytes: 0,
  joinedBytes: 0,
  expiredRecords: 0,
  expiredBytes: 0,
  compactedRecords: 0,
  compactedBytes: 0,
  writtenObjects: 0,
  sweptObjects: 0,
  sweptBytes: 0,
});
