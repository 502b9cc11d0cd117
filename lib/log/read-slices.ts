// Reads the bytes of slices through a cache: ranged GETs, one for neighbours in the same segment, and inline items, many in
// a request. Stamps the base offsets in where the storage does not have them: a slice lies at one offset for ever, so a
// stamped slice can be kept and shared. Nothing is copied: batches are views of what was read together. Readers that ask for
// a slice that is being read wait for that read.
import { RivuletError } from '../api/errors.ts';
import { readInlineItems } from '../partition/inline-item.ts';
import type { Slice } from '../partition/locate.ts';
import {
  type BatchHeader,
  type BatchSlice,
  checkBatch,
  splitBatches,
  stampBaseOffset,
} from '../record/batch-header.ts';
import { CorruptBatchError } from '../record/corrupt-batch-error.ts';
import { createPace } from '../record/steps.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { isInlineName } from '../storage/keys.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { Table } from '../storage/table.ts';
import { createSliceCache } from './slice-cache.ts';

export type StampedBatch = { readonly header: BatchHeader; readonly baseOffset: number; readonly bytes: Uint8Array };

/** Its batches; undefined when its object or item is gone; or why its bytes are of no use (CORRUPT_LOG). */
export type ReadSlice = readonly StampedBatch[] | RivuletError | undefined;

export type SliceReader = {
  /** Returns the result of each slice, in order. */
  read(slices: readonly Slice[]): Promise<ReadSlice[]>;
  /** Reads slices that somebody is likely to ask for soon, unless too much waits in memory already. */
  readAhead(slices: readonly Slice[]): Promise<void>;
};

const cacheBytes = 32 * 1024 * 1024;
/**
 * The cache holds this beside the bytes, measured: views and header of each batch, the name of each slice, the entry of each
 * read. Without it, inline items of 100 bytes would take twelve times as much memory as the bound.
 */
const heldBytes = { batch: 350, slice: 200, read: 500 };
const requestsAtOnce = 32;
/** Bytes between two slices that cost less to read along than another request does ($0.40 a million, 26 ms). */
const gapBytes = 64 * 1024;
const mostBytesAtOnce = 8 * 1024 * 1024;
/** To check a batch of one small record costs ten units of the pace. */
const bytesPerUnit = 8;

type Read = {
  readonly objectKey: string;
  readonly from: number;
  to: number;
  readonly slices: Slice[];
};

type Found = ReadonlyMap<string, ReadSlice>;
type Stores = { readonly objects: ObjectStore; readonly table: Table };

export function createSliceReader(stores: Stores): SliceReader {
  const cache = createSliceCache<readonly StampedBatch[]>(cacheBytes);
  const underWay = new Map<string, Promise<Found>>();
  let aheadUnderWay = 0;

  /** The result goes to the readers beside the cache: others may have pushed it out of there before they look. */
  async function readMissing(slices: readonly Slice[], isAhead: boolean): Promise<Found> {
    const found = new Map<string, ReadSlice>();
    await readInto(found, stores, slices, opened, (together, bytes) => {
      const sound = together.flatMap((slice) => {
        const result = found.get(nameOf(slice));
        return result === undefined || result instanceof RivuletError ? [] : [[nameOf(slice), result] as const];
      });
      cache.keep(new Map(sound), bytes.length + besideBytes(sound), isAhead);
    });
    return found;
  }

  function begin(slices: readonly Slice[], isAhead: boolean): Promise<Found> {
    const names = slices.map(nameOf);
    const reading = readMissing(slices, isAhead).finally(() => {
      for (const name of names) underWay.delete(name);
    });
    for (const name of names) underWay.set(name, reading);
    return reading;
  }

  return {
    async read(slices) {
      const known = new Map<string, ReadSlice>();
      const joined = new Map<Promise<Found>, Slice[]>();
      const missing: Slice[] = [];
      for (const slice of slices) {
        const name = nameOf(slice);
        const batches = cache.get(name);
        const reading = underWay.get(name);
        if (batches) known.set(name, batches);
        else if (reading !== undefined) joined.set(reading, [...(joined.get(reading) ?? []), slice]);
        else missing.push(slice);
      }
      // A joined read may have failed for slices that are not wanted here.
      const reads = [...joined].map(([reading, own]) => reading.catch(() => readMissing(own, false)));
      if (missing.length > 0) reads.push(begin(missing, false));
      const found = [known, ...(await Promise.all(reads))];
      return slices.map((slice) => found.find((some) => some.has(nameOf(slice)))?.get(nameOf(slice)));
    },
    async readAhead(slices) {
      const missing = slices.filter((slice) => !underWay.has(nameOf(slice)) && !cache.has(nameOf(slice)));
      const bytes = missing.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
      if (missing.length === 0 || !cache.hasRoomAhead(aheadUnderWay + bytes)) return;
      aheadUnderWay += bytes;
      await begin(missing, true).finally(() => {
        aheadUnderWay -= bytes;
      });
    },
  };
}

function besideBytes(slices: readonly (readonly [string, readonly StampedBatch[]])[]): number {
  const batches = slices.reduce((sum, [, { length }]) => sum + length, 0);
  return heldBytes.read + slices.length * heldBytes.slice + batches * heldBytes.batch;
}

/**
 * Reads without the cache, for maintenance, which reads much and everything once. The batches are views of what was read
 * together. The event loop serves requests between two slices.
 */
export async function readSlicesOnce(stores: Stores, slices: readonly Slice[]): Promise<ReadSlice[]> {
  const found = new Map<string, ReadSlice>();
  const pace = createPace();
  const open = async (slice: Slice, view: Uint8Array) => {
    if (pace.isDue(slice.lengthBytes / bytesPerUnit)) await pace.rest();
    return opened(slice, view);
  };
  await readInto(found, stores, slices, open);
  return slices.map((slice) => found.get(nameOf(slice)));
}

type Open = (slice: Slice, view: Uint8Array) => ReadSlice | Promise<ReadSlice>;
/** Learns of slices that were read together, and of the bytes of memory that they share. */
type WhenRead = (slices: readonly Slice[], bytes: Uint8Array) => void;

/** Finds nothing for the slices of an object or item that is gone. */
async function readInto(
  found: Map<string, ReadSlice>,
  { objects, table }: Stores,
  slices: readonly Slice[],
  open: Open,
  whenRead: WhenRead = () => {},
): Promise<void> {
  const inline = slices.filter(({ objectKey }) => isInlineName(objectKey));
  const stored = inline.length === 0 ? slices : slices.filter(({ objectKey }) => !isInlineName(objectKey));
  await Promise.all([
    readObjects(found, objects, stored, open, whenRead),
    readItems(found, table, inline, open, whenRead),
  ]);
}

async function readItems(
  found: Map<string, ReadSlice>,
  table: Table,
  slices: readonly Slice[],
  open: Open,
  whenRead: WhenRead,
): Promise<void> {
  const sliceOf = new Map(slices.map((slice) => [slice.objectKey, slice]));
  const read: [Slice, Uint8Array][] = [];
  await readInlineItems(table, [...sliceOf.keys()], (name, bytes) => read.push([sliceOf.get(name)!, bytes]));
  for (const [slice, bytes] of read) {
    found.set(nameOf(slice), await open(slice, bytes));
    whenRead([slice], bytes);
  }
}

async function readObjects(
  found: Map<string, ReadSlice>,
  objects: ObjectStore,
  slices: readonly Slice[],
  open: Open,
  whenRead: WhenRead,
): Promise<void> {
  await inParallel(coalesce(slices), requestsAtOnce, async (read) => {
    const bytes = await objects.get(read.objectKey, { from: read.from, to: read.to });
    if (!bytes) return;
    for (const slice of read.slices) {
      const at = slice.position - read.from;
      found.set(nameOf(slice), await open(slice, bytes.subarray(at, at + slice.lengthBytes)));
    }
    whenRead(read.slices, bytes);
  });
}

const nameOf = ({ objectKey, position }: Slice) => `${objectKey}:${position}`;

/** Neighbours in one object become one read. */
function coalesce(slices: readonly Slice[]): Read[] {
  const reads: Read[] = [];
  const sorted = slices.toSorted((a, b) =>
    a.objectKey === b.objectKey ? a.position - b.position : a.objectKey < b.objectKey ? -1 : 1,
  );
  for (const slice of sorted) {
    const { objectKey, position: from, lengthBytes } = slice;
    const last = reads.at(-1);
    const isNear =
      last?.objectKey === objectKey && from - last.to <= gapBytes && from + lengthBytes - last.from <= mostBytesAtOnce;
    if (isNear) {
      last.to = from + lengthBytes;
      last.slices.push(slice);
    } else reads.push({ objectKey, from, to: from + lengthBytes, slices: [slice] });
  }
  return reads;
}

/** Storage may damage what it holds, and a ranged GET is not checksummed: nobody is given that, and nothing keeps it. */
function opened(slice: Slice, bytes: Uint8Array): StampedBatch[] | RivuletError {
  const isCut = bytes.length < slice.lengthBytes;
  if (isCut) return damaged(slice.baseOffset, `it has ${bytes.length} of ${slice.lengthBytes} bytes`);
  try {
    const batches = splitBatches(bytes);
    for (const { from } of batches) checkBatch(bytes, from, { allowGaps: true });
    return slice.isStamped ? placed(slice, bytes, batches) : stamped(slice, bytes, batches);
  } catch (error) {
    if (error instanceof CorruptBatchError) return damaged(slice.baseOffset, error.message);
    throw error;
  }
}

/** Base offset and leader epoch lie before the region of the CRC: stamping them leaves the batch valid. */
function stamped(
  { baseOffset, endOffset }: Slice,
  bytes: Uint8Array,
  slices: readonly BatchSlice[],
): StampedBatch[] | RivuletError {
  let next = baseOffset;
  const batches = slices.map(({ header, from, to }) => {
    const batch = { header, baseOffset: next, bytes: bytes.subarray(from, to) };
    stampBaseOffset(bytes, from, next, 0);
    next += header.lastOffsetDelta + 1;
    return batch;
  });
  const isWhole = next === endOffset;
  return isWhole ? batches : damaged(baseOffset, `${next - baseOffset} records, not ${endOffset - baseOffset}`);
}

/** The offsets of a log segment lie outside the CRCs too. They must agree with the index. */
function placed(
  { baseOffset, endOffset }: Slice,
  bytes: Uint8Array,
  slices: readonly BatchSlice[],
): StampedBatch[] | RivuletError {
  let next = baseOffset;
  const batches: StampedBatch[] = [];
  for (const { header, from, to } of slices) {
    const end = header.baseOffset + header.lastOffsetDelta + 1;
    const isInOrder = header.baseOffset >= next && end <= endOffset;
    if (!isInOrder) return damaged(baseOffset, `a batch has the offsets ${header.baseOffset} to ${end - 1}`);
    batches.push({ header, baseOffset: header.baseOffset, bytes: bytes.subarray(from, to) });
    next = end;
  }
  return batches;
}

const damaged = (offset: number, why: string) =>
  new RivuletError('CORRUPT_LOG', `the segment at offset ${offset} is damaged: ${why}`, { extra: { offset } });
