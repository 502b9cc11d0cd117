// The writes of a merge, without its reading of batches.
import { parseHead } from '../../lib/partition/head.ts';
import { sliceOf } from '../../lib/partition/locate.ts';
import { type LogItem, logItem, logSegmentKeyOf } from '../../lib/partition/log-item.ts';
import { type PageAddress, pagesBetween } from '../../lib/partition/page.ts';
import { headKey, itemVersion, maintenanceKey } from '../../lib/storage/keys.ts';
import { absent, all, any, atMost, below, equals } from '../../lib/storage/table.ts';
import { startMs, type World } from '../log/world.ts';

type Stores = Pick<World, 'objects' | 'table'>;

/** A merge has put this in the store, and is about to name it. */
export type Output = {
  readonly segment: string;
  readonly sources: readonly string[];
  /** Names the segment in the table, unless a fence or another merge refuses. */
  name(): Promise<boolean>;
};

export const epochOfStart = Math.floor(startMs / 3_600_000);

let merges = 0;

/** Puts one object for all pages of a partition that was never merged. */
export async function putMerged(
  { objects, table }: Stores,
  address: PageAddress,
  segmentEpoch = epochOfStart,
): Promise<Output> {
  const key = headKey(address.topicId, address.partition);
  const head = parseHead((await table.get(key, { strong: true }))!);
  const sources: string[] = [];
  for await (const page of pagesBetween(table, address, 0, head.tailBase))
    sources.push(...page.entries.map((placed) => sliceOf(address, placed).objectKey));
  const segmentRandom = Uint8Array.from({ length: 8 }, () => 0);
  new DataView(segmentRandom.buffer).setUint32(4, ++merges);
  const output: LogItem = {
    firstOffset: 0,
    endOffset: head.tailBase,
    recordCount: head.tailBase,
    bytes: 3,
    maxTimestampMs: startMs,
    runningMaxTimestampMs: startMs,
    newestEpoch: epochOfStart,
    bytesAppended: 3,
    segmentEpoch,
    segmentRandom,
    rows: [{ offset: 0, position: 8, maxTimestampMs: startMs }],
  };
  const segment = logSegmentKeyOf(address, output);
  await objects.putOnce(segment, [new Uint8Array(3)]);
  return { segment, sources, name: () => nameMerged(table, address, output) };
}

async function nameMerged(table: World['table'], address: PageAddress, output: LogItem): Promise<boolean> {
  const isFirst = any(absent('lm'), equals('lm', 0));
  const isNotFenced = any(absent('g'), atMost('g', output.segmentEpoch));
  const named = await table.transact(
    [
      {
        kind: 'update',
        key: maintenanceKey(address.topicId, address.partition),
        update: { set: [['lm', output.endOffset]], setIfAbsent: [['v', itemVersion]] },
        if: all(isFirst, isNotFenced),
      },
      { kind: 'put', item: logItem(address, output), if: absent('v') },
    ],
    `merge ${merges} ${address.partition}`,
  );
  if (!named.applied) return false;
  const isLower = below('m', output.endOffset);
  const key = headKey(address.topicId, address.partition);
  await table.write({ kind: 'update', key, update: { set: [['m', output.endOffset]] }, if: isLower });
  return true;
}

export async function mergeAll(stores: Stores, address: PageAddress): Promise<Output> {
  const output = await putMerged(stores, address);
  if (!(await output.name())) throw new Error('the merge was refused');
  return output;
}
