// A log segment holds the batches of one partition in the order of their offsets, which are stamped into them. Merging
// makes it of many ingest segments. Readers use the log item (lib/partition/log-item.ts) and never open the footer. With
// the footer the object explains itself to people, and to a restore that has no table.
//
//   header  "RVLT", version 1, kind 1, 2 bytes 0
//   body    the batches
//   footer  sections, each u8 tag, u32 length, bytes:
//             1  rows of the index, as in the log item
//             2  topic id (22), u32 partition, u64 first offset, u64 end offset (exclusive), u64 greatest timestamp (ms)
//           u32 length of the sections, u32 CRC-32C of the sections, "RVLT"
import { crc32c } from '../bytes/crc32c.ts';

const magic = Buffer.from('RVLT', 'latin1');
const version = 1;
const kindLog = 1;
export const logSegmentHeaderBytes = 8;
const trailerBytes = 12;
const tags = { rows: 1, origin: 2 } as const;

export type LogSegment = {
  readonly topicId: string;
  readonly partition: number;
  readonly firstOffset: number;
  /** This offset is exclusive. */
  readonly endOffset: number;
  readonly maxTimestampMs: number;
  /** The encoded rows of the log item. */
  readonly rows: Uint8Array;
  /** Whole batches with their offsets. */
  readonly batches: readonly Uint8Array[];
};

/** Returns the object's bytes as chunks. The batches are not copied. */
export function packLogSegment(segment: LogSegment): Uint8Array[] {
  const header = Buffer.alloc(logSegmentHeaderBytes);
  magic.copy(header);
  header[4] = version;
  header[5] = kindLog;
  const sections = Buffer.concat([section(tags.rows, segment.rows), section(tags.origin, originOf(segment))]);
  const trailer = Buffer.alloc(trailerBytes);
  trailer.writeUInt32BE(sections.length, 0);
  trailer.writeUInt32BE(crc32c(sections), 4);
  magic.copy(trailer, 8);
  return [header, ...segment.batches, sections, trailer];
}

function section(tag: number, bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head[0] = tag;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

function originOf({ topicId, partition, firstOffset, endOffset, maxTimestampMs }: LogSegment): Buffer {
  const numbers = Buffer.alloc(28);
  numbers.writeUInt32BE(partition, 0);
  numbers.writeBigUInt64BE(BigInt(firstOffset), 4);
  numbers.writeBigUInt64BE(BigInt(endOffset), 12);
  numbers.writeBigUInt64BE(BigInt(Math.max(0, maxTimestampMs)), 20);
  return Buffer.concat([Buffer.from(topicId, 'latin1'), numbers]);
}
