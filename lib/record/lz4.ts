// This file reads the LZ4 frame format. It does not write it. We decode it here and not with a library, because we cannot
// trust what we read. A block of LZ4 grows up to 255-fold and does not say by how much, so the decoder bounds the output
// while it makes it. The formats are https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md and lz4_Block_format.md.
// They are little-endian:
//
//   frame   04 22 4d 18, flags, block descriptor, [u64 content size], [u32 dictionary id], header checksum,
//           { u32 length (bit 31: stored as is), block, [u32 checksum] } repeated, u32 0, [u32 checksum]
//   flags   bits 7-6 version 1, 4 block checksums, 3 content size, 2 content checksum, 0 dictionary
//   block   sequences: token (literal length << 4 | match length - 4; 15 goes on in bytes of 0..255),
//           literals, u16 distance; the last sequence ends after its literals
//
// The decoder skips the xxHash checksums, because the batch's CRC-32C has covered these bytes already.
import { CorruptBatchError } from './corrupt-batch-error.ts';
import { copyLiteral, copyMatch } from './lz-copy.ts';
import { type Steps, stepBytes } from './steps.ts';

const frameMagic = 0x184d2204;
const flag = { blockChecksums: 0x10, contentSize: 0x08, contentChecksum: 0x04, dictionary: 0x01 } as const;
const storedBit = 0x80000000;
const maxRatio = 255;
const minMatch = 4;

/** This is what the encoder writes for empty input. */
export const emptyLz4Frame: Uint8Array = Buffer.from('04224d1860408200000000', 'hex');

const headerBytes = 7;
const endMarkBytes = 4;

/**
 * Runs in steps (see steps.ts). It joins several frames into one. Their blocks are independent, as the encoder makes
 * them.
 */
export function* frameLz4(bytes: Uint8Array, compressFrame: (piece: Uint8Array) => Uint8Array): Steps<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += stepBytes) {
    const frame = compressFrame(bytes.subarray(at, at + stepBytes));
    // The first frame's header allows blocks of 4 MiB, unless it is the only frame.
    parts.push(frame.subarray(at === 0 ? 0 : headerBytes, frame.length - endMarkBytes));
    yield;
  }
  return parts.length === 0 ? emptyLz4Frame : Buffer.concat([...parts, new Uint8Array(endMarkBytes)]);
}

type FrameHeader = { readonly flags: number; readonly maxBlockBytes: number; readonly bodyAt: number };

/** The decoded bytes are bytes[0, at). `limit` is where the current block must end. */
type Output = { bytes: Uint8Array; at: number; limit: number; readonly maxBytes: number };

/**
 * Runs in steps (see steps.ts). It throws CorruptBatchError: 'too-large' if the output exceeds `maxBytes`, else 'codec'.
 */
export function* decompressLz4(bytes: Uint8Array, maxBytes: number): Steps<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { flags, maxBlockBytes, bodyAt } = readFrameHeader(view);
  const out: Output = { bytes: new Uint8Array(Math.min(maxBytes, bytes.length * 4)), at: 0, limit: 0, maxBytes };
  const checksumBytes = flags & flag.blockChecksums ? 4 : 0;
  let at = bodyAt;
  for (let word = blockWord(view, at); word !== 0; word = blockWord(view, at)) {
    const isStored = word >= storedBit;
    const from = at + 4;
    const to = from + (isStored ? word - storedBit : word);
    at = to + checksumBytes;
    if (at > bytes.length) throw malformed(`a block of ${to - from} bytes, ${bytes.length - from} are there`);
    reserve(out, Math.min(maxBlockBytes, (to - from) * (isStored ? 1 : maxRatio)));
    out.at = isStored ? store(bytes, from, to, out) : yield* decodeBlock(bytes, from, to, out);
  }
  const end = at + 4 + (flags & flag.contentChecksum ? 4 : 0);
  if (end !== bytes.length) throw malformed(`the frame ends at ${end} of ${bytes.length} bytes`);
  return out.bytes.subarray(0, out.at);
}

function readFrameHeader(view: DataView): FrameHeader {
  if (view.byteLength < 7) throw malformed(`a frame header in ${view.byteLength} bytes`);
  const magic = view.getUint32(0, true);
  if (magic !== frameMagic)
    throw malformed(`the magic is ${magic.toString(16)}, it must be ${frameMagic.toString(16)}`);
  const flags = view.getUint8(4);
  if (flags >> 6 !== 1) throw malformed(`version ${flags >> 6}, it must be 1`);
  if (flags & flag.dictionary) throw malformed('a dictionary, which Kafka has not');
  const sizeCode = (view.getUint8(5) >> 4) & 7;
  if (sizeCode < 4) throw malformed(`block size code ${sizeCode}, it must be 4 to 7`);
  return { flags, maxBlockBytes: 1 << (8 + 2 * sizeCode), bodyAt: flags & flag.contentSize ? 15 : 7 };
}

function blockWord(view: DataView, at: number): number {
  if (at + 4 > view.byteLength) throw malformed(`no end mark in ${view.byteLength} bytes`);
  return view.getUint32(at, true);
}

/**
 * Makes room for one more block, as far as `maxBytes` allows. The size doubles, so growth costs at most one more copy of
 * all bytes.
 */
function reserve(out: Output, blockBytes: number): void {
  out.limit = Math.min(out.maxBytes, out.at + blockBytes);
  if (out.limit <= out.bytes.length) return;
  const grown = new Uint8Array(Math.min(out.maxBytes, Math.max(out.limit, out.bytes.length * 2)));
  grown.set(out.bytes.subarray(0, out.at));
  out.bytes = grown;
}

function store(bytes: Uint8Array, from: number, to: number, out: Output): number {
  if (to - from > out.limit - out.at) throw overrun(out);
  out.bytes.set(bytes.subarray(from, to), out.at);
  return out.at + to - from;
}

/**
 * Returns the position where the output ends. Matches may reach into earlier blocks. So the decoder also reads frames
 * with linked blocks, though Kafka's Java clients refuse them. Everything is kept in local variables, because this loop
 * is the whole cost of LZ4.
 */
function* decodeBlock(bytes: Uint8Array, from: number, to: number, out: Output): Steps<number> {
  const { bytes: target, limit } = out;
  let next = from;
  let at = out.at;
  let stepEnd = at + stepBytes;
  while (next < to) {
    if (at >= stepEnd) {
      yield;
      stepEnd = at + stepBytes;
    }
    const token = bytes[next++]!;
    let length = token >> 4;
    if (length === 15) {
      const end = longLengthEnd(bytes, next, to);
      length += (end - 1 - next) * 255 + bytes[end - 1]!;
      next = end;
    }
    if (length > to - next) throw malformed(`a literal of ${length} bytes at ${next}`);
    if (length > limit - at) throw overrun(out);
    copyLiteral(target, at, bytes, next, length);
    next += length;
    at += length;
    if (next === to) return at;
    if (to - next < 2) throw malformed(`no distance at ${next}`);
    const distance = bytes[next]! | (bytes[next + 1]! << 8);
    next += 2;
    length = (token & 15) + minMatch;
    if (length === 15 + minMatch) {
      const end = longLengthEnd(bytes, next, to);
      length += (end - 1 - next) * 255 + bytes[end - 1]!;
      next = end;
    }
    if (distance === 0 || distance > at) throw malformed(`a match ${distance} bytes back, after ${at}`);
    if (length > limit - at) throw overrun(out);
    copyMatch(target, at, distance, length);
    at += length;
  }
  throw malformed('a block ends with a match');
}

/**
 * A long length continues in bytes of 255 and ends with a smaller byte. The function returns the position where that byte
 * ends.
 */
function longLengthEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from; at < to; at++) if (bytes[at] !== 255) return at + 1;
  throw malformed(`a length runs past the block, at ${from}`);
}

function overrun({ limit, maxBytes }: Output): CorruptBatchError {
  if (limit < maxBytes) return malformed('a block is larger than its frame allows');
  return new CorruptBatchError('too-large', `lz4: more than the ${maxBytes} bytes that are allowed`);
}

function malformed(detail: string): CorruptBatchError {
  return new CorruptBatchError('codec', `lz4: ${detail}`);
}
