// The rules that the index of a partition keeps at rest:
//   - the zones have no gaps: log items cover [s, lm), pages lead from the history floor or from m to b, the tail to n;
//   - m <= lm <= b, and the greatest timestamps of the log items do not fall;
//   - each row of a log item begins at a batch that has no offset below the row's.
import { type Head, parseHead } from '../../../lib/partition/head.ts';
import { type LogItem, logItemsBetween, logSegmentKeyOf } from '../../../lib/partition/log-item.ts';
import { type MaintenanceItem, readMaintenanceItem } from '../../../lib/partition/maintenance-item.ts';
import { type PageAddress, parsePage } from '../../../lib/partition/page.ts';
import { splitBatches } from '../../../lib/record/batch-header.ts';
import { logSegmentHeaderBytes } from '../../../lib/record/log-segment.ts';
import { headKey, pagesPartition } from '../../../lib/storage/keys.ts';
import type { ObjectStore } from '../../../lib/storage/object-store.ts';
import type { Table } from '../../../lib/storage/table.ts';
import type { StoreAnomaly } from './check/anomaly.ts';

type Range = { readonly firstOffset: number; readonly endOffset: number };

export async function checkIndex(
  { table, objects }: { readonly table: Table; readonly objects: ObjectStore },
  address: PageAddress,
): Promise<StoreAnomaly[]> {
  const item = await table.get(headKey(address.topicId, address.partition), { strong: true });
  if (!item) return [];
  const head = parseHead(item);
  const upkeep = await readMaintenanceItem(table, address);
  const pages = (await table.query({ pk: pagesPartition(address.topicId, address.partition), strong: true })).items;
  const logItems: LogItem[] = [];
  for await (const one of logItemsBetween(table, address, 0, Number.MAX_SAFE_INTEGER)) logItems.push(one);
  const rows = await Promise.all(logItems.map((one) => checkRows(objects, address, one)));
  return [
    ...checkOrder(head, upkeep, logItems),
    ...gapsIn('log items', logItems, head.logStart, upkeep.logEnd),
    ...gapsIn('pages', pages.map(parsePage), Math.min(upkeep.historyFloor, head.mergedTo), head.tailBase),
    ...gapsIn('tail', rangesOf(head), head.tailBase, head.next),
    ...rows.flat(),
  ].map(({ name, detail }) => ({ name, detail: `${address.topicId}/${address.partition}: ${detail}` }));
}

const rangesOf = ({ tail }: Head): Range[] =>
  tail.map(({ baseOffset, entry }) => ({ firstOffset: baseOffset, endOffset: baseOffset + entry.recordCount }));

function checkOrder(head: Head, { logEnd }: MaintenanceItem, items: readonly LogItem[]): StoreAnomaly[] {
  const { mergedTo, tailBase } = head;
  const isOrdered = mergedTo <= logEnd && logEnd <= tailBase;
  const falls = items.findIndex((item, i) => item.runningMaxTimestampMs < (items[i - 1]?.runningMaxTimestampMs ?? 0));
  return [
    ...(isOrdered ? [] : [complaint('index out of order', `m ${mergedTo}, lm ${logEnd}, b ${tailBase}`)]),
    ...(falls < 0 ? [] : [complaint('index out of order', `w falls at the log item ${items[falls]!.firstOffset}`)]),
  ];
}

/** The ranges from the one that covers `from` on lie dense up to `to`. Whatever lies outside is garbage. */
function gapsIn(what: string, ranges: readonly Range[], from: number, to: number): StoreAnomaly[] {
  if (from >= to) return [];
  const within = ranges.filter(({ firstOffset, endOffset }) => endOffset > from && firstOffset < to);
  const broken = within.findIndex(({ firstOffset }, i) =>
    i === 0 ? firstOffset > from : firstOffset !== within[i - 1]!.endOffset,
  );
  if (broken >= 0)
    return [complaint('index with a gap', `${what}: ${within[broken]!.firstOffset} is in the wrong place`)];
  const end = within.at(-1)?.endOffset ?? from;
  return end === to ? [] : [complaint('index with a gap', `${what} end at ${end}, not at ${to}`)];
}

async function checkRows(objects: ObjectStore, address: PageAddress, item: LogItem): Promise<StoreAnomaly[]> {
  const bytes = await objects.get(logSegmentKeyOf(address, item));
  if (!bytes) return [];
  const body = bytes.subarray(logSegmentHeaderBytes, logSegmentHeaderBytes + item.bytes);
  const baseOffsets = new Map(
    splitBatches(body).map(({ from, header }) => [from + logSegmentHeaderBytes, header.baseOffset]),
  );
  return item.rows
    .filter(({ position, offset }) => (baseOffsets.get(position) ?? -1) < offset)
    .map(({ position, offset }) =>
      complaint('a row without its batch', `${item.firstOffset}: ${offset} at ${position}`),
    );
}

const complaint = (name: StoreAnomaly['name'], detail: string): StoreAnomaly => ({ name, detail });
