// An entry names a run of batches of one partition inside one segment object. Heads and index pages consist of entries.
// An entry takes about 31 bytes, because the head has to stay below 1 KiB. It does not hold its offset: the offset
// follows from its place, which is why sequencing needs no read. Its producer fields make the log the producer state.
//
//   0      version (high 4 bits, 1), kind (low 3 bits: 0 ingest segment; others reserved), bit 3: has a producer
//   1-3    segment epoch, hours since 1970        4-11   random part of the segment's name
//   12-17  greatest timestamp, ms since 1970      then varints: position, length, records
//   with a producer: varint producer id, 2 bytes producer epoch, 4 bytes first sequence
import { readVarint, varintLength, writeVarint } from '../bytes/unsigned-varint.ts';

export type EntryProducer = { readonly id: number; readonly epoch: number; readonly firstSequence: number };

export type Entry = {
  readonly segmentEpoch: number;
  /** 8 bytes. */
  readonly segmentRandom: Uint8Array;
  /** The position of the first byte in the segment object. */
  readonly position: number;
  readonly lengthBytes: number;
  readonly recordCount: number;
  readonly maxTimestampMs: number;
  readonly producer?: EntryProducer;
};

/** An entry with the offset of its first record, which follows from its place in the log. */
export type PlacedEntry = { readonly entry: Entry; readonly baseOffset: number };

const version = 1;
const kindIngest = 0;
const producerFlag = 0x08;
const fixedBytes = 18;

export function encodeEntry(entry: Entry): Uint8Array {
  const { producer } = entry;
  const varints = [entry.position, entry.lengthBytes, entry.recordCount, ...(producer ? [producer.id] : [])];
  const size = fixedBytes + varints.reduce((sum, n) => sum + varintLength(n), 0) + (producer ? 6 : 0);
  const bytes = Buffer.alloc(size);
  bytes[0] = (version << 4) | kindIngest | (producer ? producerFlag : 0);
  bytes.writeUIntBE(entry.segmentEpoch, 1, 3);
  bytes.set(entry.segmentRandom, 4);
  bytes.writeUIntBE(Math.max(0, entry.maxTimestampMs), 12, 6);
  let at = fixedBytes;
  for (const n of varints) at = writeVarint(bytes, at, n);
  if (producer) {
    bytes.writeUInt16BE(producer.epoch, at);
    bytes.writeUInt32BE(producer.firstSequence, at + 2);
  }
  return new Uint8Array(bytes.buffer, bytes.byteOffset, size);
}

/** Reads one entry. Entries that lie one after the other need no separator. Throws on what this version cannot know. */
export function decodeEntry(source: Uint8Array, from = 0): { entry: Entry; end: number } {
  const bytes = Buffer.from(source.buffer, source.byteOffset, source.length);
  const first = bytes.readUInt8(from);
  if (first >> 4 !== version || (first & 0x07) !== kindIngest) {
    throw new Error(`entry of version ${first >> 4} and kind ${first & 0x07}: written by a newer Rivulet`);
  }
  const position = readVarint(bytes, from + fixedBytes);
  const length = readVarint(bytes, position.end);
  const count = readVarint(bytes, length.end);
  const { producer, end } =
    first & producerFlag ? decodeProducer(bytes, count.end) : { producer: undefined, end: count.end };
  const entry = {
    segmentEpoch: bytes.readUIntBE(from + 1, 3),
    segmentRandom: source.subarray(from + 4, from + 12),
    position: position.value,
    lengthBytes: length.value,
    recordCount: count.value,
    maxTimestampMs: bytes.readUIntBE(from + 12, 6),
    ...(producer && { producer }),
  };
  return { entry, end };
}

function decodeProducer(bytes: Buffer, from: number): { producer: EntryProducer; end: number } {
  const id = readVarint(bytes, from);
  const producer = { id: id.value, epoch: bytes.readUInt16BE(id.end), firstSequence: bytes.readUInt32BE(id.end + 2) };
  return { producer, end: id.end + 6 };
}

/**
 * Reads entries that lie one after the other. The first has offset `base`, and each next one follows without a hole.
 */
export function decodeEntries(bytes: Uint8Array, base: number): PlacedEntry[] {
  const entries: PlacedEntry[] = [];
  let baseOffset = base;
  for (let at = 0; at < bytes.length; ) {
    const { entry, end } = decodeEntry(bytes, at);
    entries.push({ entry, baseOffset });
    baseOffset += entry.recordCount;
    at = end;
  }
  return entries;
}

/** True for two entries of the same batches in the same upload, because names of segments are never used twice. */
export function isSameRun(a: Entry, b: Entry): boolean {
  return (
    a.position === b.position &&
    a.segmentEpoch === b.segmentEpoch &&
    Buffer.compare(a.segmentRandom, b.segmentRandom) === 0
  );
}
