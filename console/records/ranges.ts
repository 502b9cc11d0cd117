// The offsets that a search walks through, by partition.
// Invariant: the bounds are looked up once, before the first record, so "latest" means the time of the search.
import type { PartitionDetails } from '../../client/admin/topics.ts';
import { admin } from '../data/service.ts';
import type { ScanRange } from './scan.ts';
import { type MessageSearch, partitionList } from './search.ts';

type Bounds = Pick<PartitionDetails, 'partition' | 'earliest' | 'latest' | 'bytes'>;

export async function rangesOf(topic: string, search: MessageSearch): Promise<ScanRange[]> {
  const { partitionDetails } = await admin.describeTopic(topic);
  const chosen = chosenOf(partitionDetails, search.partitions);
  const at = search.time === undefined ? undefined : await offsetsAt(topic, search);
  return chosen.map((bounds) => rangeOf(bounds, search, at));
}

function chosenOf(all: readonly Bounds[], list: string | undefined): readonly Bounds[] {
  if (list === undefined) return all;
  const numbers = partitionList(list);
  if (!numbers) throw new Error(`partitions: expected numbers like 0,2-4, got ${list}`);
  const chosen = all.filter(({ partition }) => numbers.has(partition));
  if (chosen.length > 0) return chosen;
  throw new Error(`partitions: expected some of 0 to ${all.length - 1}, got ${list}`);
}

/** For each partition, the first offset whose record is at the time or later; newest first, later than it. */
async function offsetsAt(topic: string, { time = 0, order }: MessageSearch): Promise<ReadonlyMap<number, number>> {
  const found = await admin.fetchTopicOffsetsByTimestamp(topic, order === 'oldest' ? time : time + 1);
  return new Map(found.flatMap(({ partition, offset }) => (offset < 0 ? [] : [[partition, offset]])));
}

function rangeOf(bounds: Bounds, search: MessageSearch, at: ReadonlyMap<number, number> | undefined): ScanRange {
  const { partition, earliest, latest, bytes } = bounds;
  const recordBytes = bytes / Math.max(1, latest - earliest);
  const within = (offset: number): number => Math.min(latest, Math.max(earliest, offset));
  const isOldest = search.order === 'oldest';
  const edge = isOldest ? earliest : latest;
  const offset = search.offset === undefined ? undefined : search.offset + (isOldest ? 0 : 1);
  const start = within(offset ?? (at ? (at.get(partition) ?? latest) : edge));
  return { partition, recordBytes, ...(isOldest ? { from: start, to: latest } : { from: earliest, to: start }) };
}
