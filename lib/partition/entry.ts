// An entry names a run of batches of one partition inside one segment object. Heads and index pages consist of entries.
// An entry takes about 31 bytes, because the head has to stay below 1 KiB. It does not hold its offset: the offset
// follows from its place, which is why sequencing needs no read. Its producer fields make the log the producer state.
//
//   0      version (high 4 bits, 1), kind (low 3 bits), bit 3: has a producer or a transaction
//   1-3    segment epoch, hours since 1970        4-11   random part of the object's name
//   12-17  greatest timestamp, ms since 1970      then varints: position, length, records
//   with a producer: varint producer id, 2 bytes producer epoch, 4 bytes first sequence
//   with a transaction: varint xid, 6 bytes number of the transaction
//
// Kinds: 0 batches in an ingest segment; 1 batches in a staged segment, committed by a transaction; 2 a list of entries
// of kind 1 in an index object of a transaction, with one more varint: the bytes of the batches that the list names;
// 3 batches that are an item of the table, without the position.
import { readVarint, varintLength, writeVarint } from '../bytes/unsigned-varint.ts';
import { inlineKey, inlineName, segmentKey, stagedSegmentKey } from '../storage/keys.ts';

export type EntryProducer = { readonly id: number; readonly epoch: number; readonly firstSequence: number };

/** One transaction of a transactional id. The id's number (xid) is fixed, and its transactions are counted. */
export type EntryTransaction = { readonly xid: number; readonly number: number };

export type Entry = {
  readonly segmentEpoch: number;
  /** 8 bytes. */
  readonly segmentRandom: Uint8Array;
  /** The position of the first byte in the object, and 0 in an item. */
  readonly position: number;
  readonly lengthBytes: number;
  readonly recordCount: number;
  readonly maxTimestampMs: number;
  readonly producer?: EntryProducer;
  readonly transaction?: EntryTransaction;
  /** If this is given, position and length are those of a list of entries, which name so many bytes of batches. */
  readonly listedBytes?: number;
  /** True if the batches are an item of the table, and not part of an object. */
  readonly isInline?: true;
};

/** Where the bytes of an entry are. */
export type EntryPlace = Pick<Entry, 'segmentEpoch' | 'segmentRandom' | 'position' | 'isInline'>;

/** An entry with the offset of its first record, which follows from its place in the log. */
export type PlacedEntry = { readonly entry: Entry; readonly baseOffset: number };

const version = 1;
const kinds = { ingest: 0, staged: 1, list: 2, inline: 3 } as const;
const ownerFlag = 0x08;
const fixedBytes = 18;

export function encodeEntry(entry: Entry): Uint8Array {
  const { producer, transaction, listedBytes } = entry;
  const owner = producer?.id ?? transaction?.xid;
  const position = entry.isInline ? [] : [entry.position];
  const varints = [...position, entry.lengthBytes, entry.recordCount, ...(owner === undefined ? [] : [owner])];
  const last = listedBytes === undefined ? [] : [listedBytes];
  const varintBytes = [...varints, ...last].reduce((sum, n) => sum + varintLength(n), 0);
  const bytes = Buffer.alloc(fixedBytes + varintBytes + (owner === undefined ? 0 : 6));
  bytes[0] = (version << 4) | kindOf(entry) | (owner === undefined ? 0 : ownerFlag);
  bytes.writeUIntBE(entry.segmentEpoch, 1, 3);
  bytes.set(entry.segmentRandom, 4);
  bytes.writeUIntBE(Math.max(0, entry.maxTimestampMs), 12, 6);
  let at = fixedBytes;
  for (const n of varints) at = writeVarint(bytes, at, n);
  if (owner !== undefined) {
    bytes.set(ownerState(entry), at);
    at += 6;
  }
  for (const n of last) at = writeVarint(bytes, at, n);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

function kindOf({ transaction, listedBytes, isInline }: Entry): number {
  if (isInline) return kinds.inline;
  if (!transaction) return kinds.ingest;
  return listedBytes === undefined ? kinds.staged : kinds.list;
}

function ownerState({ producer, transaction }: Entry): Buffer {
  const bytes = Buffer.alloc(6);
  if (producer) {
    bytes.writeUInt16BE(producer.epoch, 0);
    bytes.writeUInt32BE(producer.firstSequence, 2);
  } else bytes.writeUIntBE(transaction!.number, 0, 6);
  return bytes;
}

/** Reads one entry. Entries that lie one after the other need no separator. Throws on what this version cannot know. */
export function decodeEntry(source: Uint8Array, from = 0): { entry: Entry; end: number } {
  const bytes = Buffer.from(source.buffer, source.byteOffset, source.length);
  const first = bytes.readUInt8(from);
  const kind = first & 0x07;
  const hasOwner = (first & ownerFlag) !== 0;
  const mayLackOwner = isOfRequest(kind);
  const isKnown = first >> 4 === version && kind <= kinds.inline && (hasOwner || mayLackOwner);
  if (!isKnown) throw new Error(`entry of version ${first >> 4} and kind ${kind}: written by a newer Rivulet`);
  const isInline = kind === kinds.inline;
  const begin = from + fixedBytes;
  const position = isInline ? { value: 0, end: begin } : readVarint(bytes, begin);
  const length = readVarint(bytes, position.end);
  const count = readVarint(bytes, length.end);
  const owner = hasOwner ? decodeOwner(bytes, count.end, kind) : { end: count.end };
  const listed = kind === kinds.list ? readVarint(bytes, owner.end) : undefined;
  const { end: ownerEnd, ...named } = owner;
  const entry = {
    segmentEpoch: bytes.readUIntBE(from + 1, 3),
    segmentRandom: source.subarray(from + 4, from + 12),
    position: position.value,
    lengthBytes: length.value,
    recordCount: count.value,
    maxTimestampMs: bytes.readUIntBE(from + 12, 6),
    ...named,
    ...(listed && { listedBytes: listed.value }),
    ...(isInline && ({ isInline } as const)),
  };
  return { entry, end: listed?.end ?? ownerEnd };
}

/** Requests without a transaction need no owner. If they have one, it is a producer. */
const isOfRequest = (kind: number): boolean => kind === kinds.ingest || kind === kinds.inline;

function decodeOwner(
  bytes: Buffer,
  from: number,
  kind: number,
): Pick<Entry, 'producer' | 'transaction'> & { end: number } {
  const { value, end } = readVarint(bytes, from);
  if (!isOfRequest(kind)) return { transaction: { xid: value, number: bytes.readUIntBE(end, 6) }, end: end + 6 };
  const producer = { id: value, epoch: bytes.readUInt16BE(end), firstSequence: bytes.readUInt32BE(end + 2) };
  return { producer, end: end + 6 };
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

/** The key of the object that the entry names, or the name of its item. */
export function nameOfEntry(
  { topicId, partition }: { readonly topicId: string; readonly partition: number },
  entry: Entry,
): string {
  const { transaction, segmentEpoch, segmentRandom, isInline } = entry;
  if (isInline) return inlineName(inlineKey(topicId, partition, segmentEpoch, segmentRandom));
  return transaction
    ? stagedSegmentKey(topicId, transaction.xid, transaction.number, segmentRandom)
    : segmentKey('ingest', topicId, segmentEpoch, segmentRandom);
}

/** The producer id, or the number of the transactional id, that the head remembers while the entry is in its tail. */
export const ownerIdOf = ({ producer, transaction }: Entry): number | undefined => producer?.id ?? transaction?.xid;

/** The bytes of batches that readers get for the entry. */
export const dataBytesOf = ({ lengthBytes, listedBytes }: Entry): number => listedBytes ?? lengthBytes;

/** True for two entries of the same batches in the same upload, because names of segments are never used twice. */
export function isSameRun(a: Entry, b: Entry): boolean {
  return (
    a.position === b.position &&
    a.segmentEpoch === b.segmentEpoch &&
    Buffer.compare(a.segmentRandom, b.segmentRandom) === 0
  );
}
