// The second level of merging: it joins neighbouring log segments that are small, because each costs a reader a request and
// a read of its item. The objects that it replaces are kept for a while and are billed, so each byte is joined once, and
// only into something large. Compacted topics are not joined: their cleaner rewrites them anyway.

import { RivuletError } from '../api/errors.ts';
import { deletedFence, parseHead } from '../partition/head.ts';
import { isSameObject, type LogItem, logItemAt, logItemsBetween } from '../partition/log-item.ts';
import { type MaintenanceItem, readMaintenanceItem } from '../partition/maintenance-item.ts';
import type { PageAddress } from '../partition/page.ts';
import { headKey } from '../storage/keys.ts';
import type { MaintenanceContext } from './context.ts';
import { logSegmentLimits, writeLogSegments } from './log-segment-writer.ts';
import { batchesOfLogItems } from './source-batches.ts';
import { mostSwapped, swap } from './swap.ts';

const smallBytes = 8 * 1024 * 1024;
const fewItems = 8;
const leastBytes = 32 * 1024 * 1024;
const itemsAtOnce = 100;

/** Joins what is small from the log start on. The end is where the log items ended when it began. */
export async function join(context: MaintenanceContext, address: PageAddress): Promise<void> {
  const upkeep = await readMaintenanceItem(context.table, address);
  const item = await context.table.get(headKey(address.topicId, address.partition), { strong: true });
  const isClosed = upkeep.fence === deletedFence;
  if (!item || isClosed) return;
  const { logStart } = parseHead(item);
  for await (const run of runsFrom(context, address, logStart, upkeep.logEnd)) {
    if (context.isOver()) return;
    if (!isWorthIt(context, run)) continue;
    const isSound = await joinRun(context, address, upkeep, run);
    if (!isSound) return;
  }
}

/** Yields the longest runs of neighbours that may become one object. */
async function* runsFrom(
  { table, isFull }: MaintenanceContext,
  address: PageAddress,
  logStart: number,
  logEnd: number,
): AsyncGenerator<LogItem[]> {
  const first = await logItemAt(table, address, logStart);
  if (!first) return;
  let run: LogItem[] = [];
  for await (const item of logItemsBetween(table, address, first.firstOffset, logEnd, itemsAtOnce)) {
    const isJoinable = isFull || item.bytes < smallBytes;
    if (run.length > 0 && !(isJoinable && fits(run, item))) {
      yield run;
      run = [];
    }
    if (isJoinable) run.push(item);
  }
  if (run.length > 0) yield run;
}

function fits(run: readonly LogItem[], next: LogItem): boolean {
  const isNext = run.at(-1)!.endOffset === next.firstOffset;
  const bytes = sum(run, 'bytes') + next.bytes;
  const records = sum(run, 'recordCount') + next.recordCount;
  const isSmallEnough = bytes <= logSegmentLimits.bytes && records <= logSegmentLimits.records;
  return isNext && isSmallEnough && run.length < mostSwapped;
}

function isWorthIt({ isFull }: MaintenanceContext, run: readonly LogItem[]): boolean {
  if (isFull) return run.length > 1;
  const isLarge = run.length >= fewItems && sum(run, 'bytes') >= leastBytes;
  return isLarge || run.length === mostSwapped;
}

const sum = (run: readonly LogItem[], name: 'bytes' | 'recordCount'): number =>
  run.reduce((total, item) => total + item[name], 0);

/** False if the run is damaged. If it was changed meanwhile, it is left as it is now. */
async function joinRun(
  context: MaintenanceContext,
  address: PageAddress,
  upkeep: MaintenanceItem,
  run: readonly LogItem[],
): Promise<boolean> {
  try {
    const isJoined =
      context.isDryRun || (await swap(context, address, run, await rewritten(context, address, upkeep, run)));
    if (isJoined) context.counts.joinedBytes += sum(run, 'bytes');
    return true;
  } catch (error) {
    const isDamage = error instanceof RivuletError && error.errorCode === 'CORRUPT_LOG';
    if (!isDamage) throw error;
    return !(await reportDamage(context, address, run, error));
  }
}

function rewritten(
  context: MaintenanceContext,
  address: PageAddress,
  { fence }: MaintenanceItem,
  run: readonly LogItem[],
): Promise<LogItem[]> {
  const { firstOffset } = run[0]!;
  const { endOffset, bytesAppended, runningMaxTimestampMs } = run.at(-1)!;
  const newestEpoch = run.reduce((newest, item) => Math.max(newest, item.newestEpoch), 0);
  const totals = { newestEpoch, bytesAppended, runningMaxTimestampMs };
  return writeLogSegments(
    context,
    { address, firstOffset, endOffset, totals, fence },
    batchesOfLogItems(context, address, run),
  );
}

/** A segment that is gone may have been replaced since its item was read. It is damage only if it is still named. */
async function reportDamage(
  { table, onDamage }: MaintenanceContext,
  address: PageAddress,
  run: readonly LogItem[],
  { extra, message }: RivuletError,
): Promise<boolean> {
  const offset = Number(extra.offset);
  const named = await logItemAt(table, address, offset);
  const isDamaged = named !== undefined && run.some((item) => isSameObject(item, named));
  if (isDamaged) onDamage(address, { offset, reason: message });
  return isDamaged;
}
