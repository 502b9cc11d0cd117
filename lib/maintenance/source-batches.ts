// Reads the batches that maintenance writes again: from pages for a merge, from log items for a rewrite. Every CRC and every
// count is checked. Damage ends the reading with CORRUPT_LOG, because the sources are deleted after they were written again,
// and the damage would stay.

import { RivuletError } from '../api/errors.ts';
import { readSlicesOnce } from '../log/read-slices.ts';
import { expanded, type Slice, sliceOf, stretchesOf } from '../partition/locate.ts';
import type { LogItem } from '../partition/log-item.ts';
import type { Page, PageAddress } from '../partition/page.ts';
import { createPace } from '../record/steps.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { Table } from '../storage/table.ts';
import type { LogBatch, LogTotals } from './log-segment-writer.ts';

/** So many bytes of slices are read before their batches are handed on. */
const windowBytes = 32 * 1024 * 1024;

/** To pass a batch on and to take it into a segment costs so many units of the pace. */
const unitsPerBatch = 10;

type Stores = { readonly objects: ObjectStore; readonly table: Table };

/** A slice, and what holds at the end of its page or item. */
type Source = { readonly slice: Slice; readonly totals: LogTotals };
type Sources = Iterable<Source> | AsyncIterable<Source>;

/** Yields the batches of pages that follow each other. `bytesAppended` are those below the first page. */
export async function* batchesOfPages(
  stores: Stores,
  address: PageAddress,
  pages: readonly Page[],
  bytesAppended: number,
): AsyncGenerator<LogBatch> {
  let appended = bytesAppended;
  for await (const batch of batchesOf(stores, entriesOf(stores.objects, address, pages))) {
    appended += batch.bytes.length;
    yield { ...batch, bytesAppended: appended };
  }
}

/** Yields the batches of log items that follow each other. A batch carries the totals of its item's end. */
export function batchesOfLogItems(
  stores: Stores,
  address: PageAddress,
  items: readonly LogItem[],
): AsyncGenerator<LogBatch> {
  return batchesOf(stores, rowsOf(address, items));
}

async function* entriesOf(objects: ObjectStore, address: PageAddress, pages: readonly Page[]): AsyncGenerator<Source> {
  for (const { entries, runningMaxTimestampMs } of pages)
    for (const placed of entries) {
      const totals = { newestEpoch: placed.entry.segmentEpoch, bytesAppended: 0, runningMaxTimestampMs };
      for await (const listed of expanded(objects, address, placed)) yield { slice: sliceOf(address, listed), totals };
    }
}

function* rowsOf(address: PageAddress, items: readonly LogItem[]): Generator<Source> {
  for (const item of items) {
    const { newestEpoch, bytesAppended, runningMaxTimestampMs } = item;
    const totals = { newestEpoch, bytesAppended, runningMaxTimestampMs };
    for (const slice of stretchesOf(address, item)) yield { slice, totals };
  }
}

async function* batchesOf(stores: Stores, sources: Sources): AsyncGenerator<LogBatch> {
  const pace = createPace();
  for await (const window of windowsOf(sources)) {
    const read = await readSlicesOnce(
      stores,
      window.map(({ slice }) => slice),
    );
    for (const [i, { slice, totals }] of window.entries()) {
      const batches = read[i];
      if (batches instanceof RivuletError) throw batches;
      if (!batches) throw missing(slice);
      for (const batch of batches) yield { ...totals, ...batch };
      if (pace.isDue(batches.length * unitsPerBatch)) await pace.rest();
    }
  }
}

async function* windowsOf(sources: Sources): AsyncGenerator<Source[]> {
  let window: Source[] = [];
  let bytes = 0;
  for await (const source of sources) {
    const isFull = window.length > 0 && bytes + source.slice.lengthBytes > windowBytes;
    if (isFull) {
      yield window;
      window = [];
      bytes = 0;
    }
    window.push(source);
    bytes += source.slice.lengthBytes;
  }
  if (window.length > 0) yield window;
}

const missing = ({ objectKey, baseOffset }: Slice) =>
  new RivuletError('CORRUPT_LOG', `the segment ${objectKey} at offset ${baseOffset} is missing`, {
    extra: { offset: baseOffset },
  });
