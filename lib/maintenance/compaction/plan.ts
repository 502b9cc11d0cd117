// Whether a partition is to be compacted now, and which records are dirty: those from the clean point on, whose keys no
// pass has looked at. The newest ones may have to wait (min.compaction.lag.ms).
import { deletedFence, type Head, parseHead } from '../../partition/head.ts';
import { logItemsFrom } from '../../partition/locate.ts';
import type { LogItem } from '../../partition/log-item.ts';
import {
  type MaintenanceItem,
  readMaintenanceItem,
  type UnfinishedCompaction,
} from '../../partition/maintenance-item.ts';
import type { PageAddress } from '../../partition/page.ts';
import { headKey } from '../../storage/keys.ts';
import type { Table } from '../../storage/table.ts';
import { configNumber } from '../../topic/config.ts';
import type { Topic } from '../../topic/topics.ts';
import type { MaintenanceContext } from '../context.ts';

export type CompactionPlan = {
  readonly address: PageAddress;
  readonly cleanPoint: number;
  readonly logStart: number;
  /** The records of [dirtyFrom, dirtyTo) are dirty and may be compacted. */
  readonly dirtyFrom: number;
  readonly dirtyTo: number;
  readonly dirtyRecords: number;
  /** A pass that ended early. Its dirty range ends where it ended then, so that its map comes out the same. */
  readonly unfinished: UnfinishedCompaction | undefined;
  readonly fence: number;
};

const hourMs = 3_600_000;

type Context = Pick<MaintenanceContext, 'table' | 'clock' | 'isFull'>;

/** Returns undefined if there is nothing to do. */
export async function planCompaction(
  { table, clock, isFull }: Context,
  { overrides, topicId }: Topic,
  partition: number,
): Promise<CompactionPlan | undefined> {
  const address = { topicId, partition };
  const maintenance = await readMaintenanceItem(table, address);
  const head = await openHeadOf(table, address);
  const isClosed = maintenance.fence === deletedFence || head === undefined;
  if (isClosed) return undefined;
  const { cleanPoint, unfinished, fence } = maintenance;
  const { logStart, mergedTo: readableTo } = head;
  const dirtyFrom = Math.max(cleanPoint, logStart);
  const nowMs = clock.now();
  const minLagMs = configNumber(overrides, 'min.compaction.lag.ms');
  // A merge may have died before it moved the head. Until then, readers see the records above in pages, with nothing removed.
  const until = unfinished?.to ?? readableTo;
  const isOldEnough = (item: LogItem) => unfinished !== undefined || waitedMs(item, nowMs) >= minLagMs;
  const dirty = await dirtyOf(table, address, dirtyFrom, until, isOldEnough);
  if (dirty.to <= dirtyFrom) return undefined;
  const maxLagMs = configNumber(overrides, 'max.compaction.lag.ms');
  const isOverdue = nowMs - dirty.oldestEpoch * hourMs > maxLagMs;
  const isDirty = ratioOf(dirty.bytes, maintenance) > configNumber(overrides, 'min.cleanable.dirty.ratio');
  if (!(isFull || isOverdue || isDirty || unfinished)) return undefined;
  const { to: dirtyTo, records: dirtyRecords } = dirty;
  return { address, cleanPoint, logStart, dirtyFrom, dirtyTo, dirtyRecords, unfinished, fence };
}

/** The read is strong. Undefined stands for a closed partition, or for one without records. */
export async function openHeadOf(table: Table, { topicId, partition }: PageAddress): Promise<Head | undefined> {
  const item = await table.get(headKey(topicId, partition), { strong: true });
  const head = item && parseHead(item);
  return head?.fence === deletedFence ? undefined : head;
}

/** So long at least has the newest record of the item been in the log. Its hour may not be over yet. */
const waitedMs = ({ newestEpoch }: LogItem, nowMs: number): number => Math.max(0, nowMs - (newestEpoch + 1) * hourMs);

const ratioOf = (dirtyBytes: number, { cleanBytes }: MaintenanceItem): number =>
  dirtyBytes / Math.max(1, dirtyBytes + cleanBytes);

type Dirty = { to: number; bytes: number; records: number; oldestEpoch: number };

async function dirtyOf(
  table: Table,
  address: PageAddress,
  from: number,
  until: number,
  isOldEnough: (item: LogItem) => boolean,
): Promise<Dirty> {
  const dirty: Dirty = { to: from, bytes: 0, records: 0, oldestEpoch: Number.POSITIVE_INFINITY };
  for await (const item of logItemsFrom(table, address, from, until)) {
    if (!isOldEnough(item)) break;
    dirty.to = Math.min(until, item.endOffset);
    dirty.bytes += item.bytes;
    dirty.records += item.recordCount;
    dirty.oldestEpoch = Math.min(dirty.oldestEpoch, item.newestEpoch);
  }
  return dirty;
}
