// Finds out what is due in a partition, with one to three read units. Most partitions have nothing to do on most days, and
// a process need not be woken for them.
import { parseHead } from '../partition/head.ts';
import { parseMaintenanceItem } from '../partition/maintenance-item.ts';
import { type PageAddress, pagesBetween } from '../partition/page.ts';
import { headKey, maintenanceKey } from '../storage/keys.ts';
import { isCompacted, mayRemove, nextRetentionMs } from '../topic/retention.ts';
import type { Topic } from '../topic/topics.ts';
import { newReport } from './report.ts';
import { retain } from './retain.ts';
import { type MaintenanceTools, tendingOf } from './tools.ts';

export type Due = {
  readonly isDue: boolean;
  /** The age of the oldest page that a merge should have taken; 0 if there is none. */
  readonly unmergedAgeMs: number;
  /** Damage has stopped the merge. */
  readonly isDamaged: boolean;
};

const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;
/** The daily pass merges as much as this, or what is older than a day. The merge itself also takes 16 pages. */
const bytesToMerge = 8 * 1024 * 1024;

/** How often the retention of a topic is looked at, in whole hours: at most a day. */
export const retentionHours = ({ overrides }: Pick<Topic, 'overrides'>): number =>
  Math.min(24, Math.floor(nextRetentionMs(overrides, 0) / hourMs));

export async function dueOf(
  tools: MaintenanceTools,
  topic: Topic,
  partition: number,
  begunMs: number,
  onlyRetention = false,
): Promise<Due> {
  const { table, clock, mergeDelayMs } = tools;
  const address = { topicId: topic.topicId, partition };
  const retention = () => isRetentionDue(tools, topic, partition, begunMs);
  if (onlyRetention) return { isDue: await retention(), unmergedAgeMs: 0, isDamaged: false };
  const [headItem, own] = await Promise.all([
    table.get(headKey(topic.topicId, partition)),
    table.get(maintenanceKey(topic.topicId, partition)),
  ]);
  const head = headItem && parseHead(headItem);
  if (!head || head.next === 0) return { isDue: false, unmergedAgeMs: 0, isDamaged: false };
  const { logEnd, bytesAppended, cleanPoint, historyFloor, damagedAt } = parseMaintenanceItem(own);
  const mayMerge = clock.now() >= begunMs + mergeDelayMs;
  const ageMs = mayMerge ? await unmergedAge(tools, address, Math.max(logEnd, head.logStart), head.tailBase) : 0;
  const mustMerge = ageMs >= dayMs || (ageMs > 0 && head.bytes - bytesAppended >= bytesToMerge);
  const isDirty = isCompacted(topic.overrides) && logEnd > cleanPoint;
  const hasOldPages = historyFloor < head.mergedTo;
  return {
    isDue: mustMerge || isDirty || hasOldPages || (await retention()),
    unmergedAgeMs: mustMerge ? ageMs : 0,
    isDamaged: damagedAt !== undefined,
  };
}

/** The time since the first page after the log items was written; 0 if there is no such page. */
async function unmergedAge({ table, clock }: MaintenanceTools, address: PageAddress, from: number, to: number) {
  for await (const { entries } of pagesBetween(table, address, from, to, { limit: 1 }))
    return Math.max(1, clock.now() - (entries[0]!.entry.segmentEpoch + 1) * hourMs);
  return 0;
}

/** A dry run of retention that ends with the first records it would remove. */
async function isRetentionDue(
  tools: MaintenanceTools,
  topic: Topic,
  partition: number,
  begunMs: number,
): Promise<boolean> {
  if (!mayRemove(topic, begunMs, tools.clock.now())) return false;
  const report = newReport();
  const mode = { isDryRun: true, isFull: false, isAskedFor: false, owner: '', begunMs };
  const isOver = () => report.counts.expiredRecords > 0 || tools.isOver();
  await retain(tendingOf({ ...tools, isOver }, topic, report, mode), topic, partition);
  return report.counts.expiredRecords > 0;
}
