// SQLite's recovery takes the write-ahead log up to the first frame that fails its checksum, and silently drops the rest.
// After a power cut that is right: the last commit was not synced. In front of later commits it is damage, and this tells
// the one from the other. The format: https://www.sqlite.org/fileformat2.html#walformat
//
//   header   magic, version, page size, sequence, salt (8 bytes), checksum (8 bytes) of the 24 bytes before it
//   frame    page number, pages of the database at a commit and else 0, salt, checksum (8 bytes); then the page
//
// The checksum of a frame goes on from that of the frame before. Frames with another salt are left over from before the
// log was last begun from its start.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { endianness } from 'node:os';

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** SQLite's default; we never set another. */
const PAGE_BYTES = 4096;
const FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES;
const MAGIC = 0x377f0682;

type Frame = { readonly isCommit: boolean; readonly salt: Buffer; readonly checksum: Buffer; readonly bytes: Buffer };

/** The position of the first damaged bytes that were whole once: a commit follows them that was made later. */
export function firstDamage(path: string): number | undefined {
  const file = openSync(path, 'r');
  try {
    return firstDamageIn(file);
  } finally {
    closeSync(file);
  }
}

function firstDamageIn(file: number): number | undefined {
  const header = readAt(file, 0, HEADER_BYTES);
  const frames = Math.floor((fstatSync(file).size - HEADER_BYTES) / FRAME_BYTES);
  if (frames < 1) return undefined;
  const isSound = isHeader(header);
  const isBigEndian = isSound ? hasBigEndianSums(header) : endianness() === 'BE';
  const follows = (before: Buffer, { bytes, checksum }: Frame): boolean =>
    checksumOf([bytes.subarray(0, 8), bytes.subarray(FRAME_HEADER_BYTES)], before, isBigEndian).equals(checksum);
  let damage = isSound ? undefined : 0;
  const salt = isSound ? header.subarray(16, 24) : frameAt(file, 0).salt;
  let before: Pick<Frame, 'isCommit' | 'checksum'> = { isCommit: false, checksum: header.subarray(24, 32) };
  for (let index = 0; index < frames; index++) {
    const frame = frameAt(file, index);
    const isWhole = frame.salt.equals(salt) && follows(before.checksum, frame);
    if (damage !== undefined && isWhole && before.isCommit) return damage;
    if (!isWhole) damage ??= HEADER_BYTES + index * FRAME_BYTES;
    before = frame;
  }
  return undefined;
}

const hasBigEndianSums = (header: Buffer): boolean => (header.readUInt32BE(0) & 1) === 1;

function isHeader(header: Buffer): boolean {
  const [magic, pageBytes] = [header.readUInt32BE(0) & ~1, header.readUInt32BE(8)];
  const checksum = checksumOf([header.subarray(0, 24)], Buffer.alloc(8), hasBigEndianSums(header));
  return magic === MAGIC && pageBytes === PAGE_BYTES && checksum.equals(header.subarray(24, 32));
}

function frameAt(file: number, index: number): Frame {
  const bytes = readAt(file, HEADER_BYTES + index * FRAME_BYTES, FRAME_BYTES);
  return {
    isCommit: bytes.readUInt32BE(4) !== 0,
    salt: bytes.subarray(8, 16),
    checksum: bytes.subarray(16, 24),
    bytes,
  };
}

function readAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  readSync(file, bytes, 0, length, position);
  return bytes;
}

/** Over words in the order of the machine that wrote them; the checksum itself is stored big-endian. */
function checksumOf(parts: readonly Buffer[], before: Buffer, isBigEndian: boolean): Buffer {
  let [a, b] = [before.readUInt32BE(0), before.readUInt32BE(4)];
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 8) {
      a = (a + b + (isBigEndian ? part.readUInt32BE(at) : part.readUInt32LE(at))) >>> 0;
      b = (b + a + (isBigEndian ? part.readUInt32BE(at + 4) : part.readUInt32LE(at + 4))) >>> 0;
    }
  }
  const checksum = Buffer.alloc(8);
  checksum.writeUInt32BE(a, 0);
  checksum.writeUInt32BE(b, 4);
  return checksum;
}
