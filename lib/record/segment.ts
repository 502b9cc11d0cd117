// A segment object holds the batches of one append request, or of several, partition after partition, between a header and
// a footer. A partition may have several runs in it.
// Readers use the entries in the table and never open the footer. With the footer the object explains itself to maintenance,
// to people, and to a restore that has no table.
//
//   header  "RVLT", version 1, kind (0 ingest), 2 bytes 0
//   body    for each run its RecordBatch v2, base offsets as the producer sent them
//   footer  per run: u32 partition, u32 position, u32 length, u32 records, u64 greatest timestamp (ms)
//           u32 number of runs, u32 CRC-32C of their rows, "RVLT"
import { crc32c } from '../bytes/crc32c.ts';

const magic = Buffer.from('RVLT', 'latin1');
const version = 1;
const kindIngest = 0;
const segmentHeaderBytes = 8;
const rowBytes = 24;
const trailerBytes = 12;

export type SegmentPart = {
  readonly partition: number;
  readonly bytes: Uint8Array;
  readonly recordCount: number;
  readonly maxTimestampMs: number;
};

/** `positions[i]` is where part i begins in the object. The chunks are the parts themselves, so nothing is copied. */
export function packSegment(parts: readonly SegmentPart[]): { chunks: Uint8Array[]; positions: number[] } {
  const header = Buffer.alloc(segmentHeaderBytes);
  magic.copy(header);
  header[4] = version;
  header[5] = kindIngest;
  const positions: number[] = [];
  let end = segmentHeaderBytes;
  for (const part of parts) {
    positions.push(end);
    end += part.bytes.length;
  }
  return { chunks: [header, ...parts.map((part) => part.bytes), footerOf(parts, positions)], positions };
}

function footerOf(parts: readonly SegmentPart[], positions: readonly number[]): Uint8Array {
  const footer = Buffer.alloc(parts.length * rowBytes + trailerBytes);
  parts.forEach((part, i) => {
    const at = i * rowBytes;
    footer.writeUInt32BE(part.partition, at);
    footer.writeUInt32BE(positions[i]!, at + 4);
    footer.writeUInt32BE(part.bytes.length, at + 8);
    footer.writeUInt32BE(part.recordCount, at + 12);
    footer.writeBigUInt64BE(BigInt(Math.max(0, part.maxTimestampMs)), at + 16);
  });
  const trailer = parts.length * rowBytes;
  footer.writeUInt32BE(parts.length, trailer);
  footer.writeUInt32BE(crc32c(footer, 0, trailer), trailer + 4);
  magic.copy(footer, trailer + 8);
  return footer;
}
