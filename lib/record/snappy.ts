// This file reads and writes Snappy in the framing that Kafka's Java clients use (from the xerial library). We decode it
// here and not with a library, because we cannot trust what we read. The decoder checks every length before it allocates or
// copies anything. The format is:
// https://github.com/google/snappy/blob/main/format_description.txt
//
//   framed  82 "SNAPPY" 00, int32 version 1, int32 oldest compatible version 1, then { int32 length, block } repeated
//   block   varint decompressed length, then elements; a tag's two low bits say what follows:
//           0 literal, 1 match of 4..11 at an 11-bit distance, 2 match of 1..64 at 16 bits, 3 the same at 32 bits
//
// Readers accept framed input, and also plain input: one block and nothing else, as librdkafka may send.
import { CorruptBatchError } from './corrupt-batch-error.ts';
import { copyLiteral, copyMatch } from './lz-copy.ts';
import { type Steps, stepBytes } from './steps.ts';

const magic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const frameHeader = Buffer.concat([magic, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])]);
/** Kafka's Java clients use the same size. */
const frameBlockBytes = 32 * 1024;
/** The densest element is a match of 64 in 3 bytes. A block that claims to grow more is lying. */
const maxRatio = 22;

/** This says where a block's elements lie, and how many bytes they claim to become. */
type Block = { readonly from: number; readonly to: number; readonly decodedBytes: number };

/** Runs in steps (see steps.ts). */
export function* frameSnappy(bytes: Uint8Array, compressBlock: (block: Uint8Array) => Uint8Array): Steps<Uint8Array> {
  const parts: Uint8Array[] = [frameHeader];
  for (let at = 0; at < bytes.length; at += frameBlockBytes) {
    const block = compressBlock(bytes.subarray(at, at + frameBlockBytes));
    const length = Buffer.alloc(4);
    length.writeInt32BE(block.length);
    parts.push(length, block);
    if (at % stepBytes === 0) yield;
  }
  return Buffer.concat(parts);
}

/**
 * Runs in steps (see steps.ts). It throws CorruptBatchError: 'too-large' if the output exceeds `maxBytes`, else 'codec'.
 */
export function* decompressSnappy(bytes: Uint8Array, maxBytes: number): Steps<Uint8Array> {
  const blocks = isFramed(bytes) ? readFrames(bytes) : [readBlock(bytes, 0, bytes.length)];
  const size = blocks.reduce((sum, block) => sum + block.decodedBytes, 0);
  if (size > maxBytes)
    throw new CorruptBatchError('too-large', `snappy: ${size} bytes, at most ${maxBytes} are allowed`);
  const out = new Uint8Array(size);
  let at = 0;
  let stepEnd = stepBytes;
  for (const block of blocks) {
    yield* decodeBlock(bytes, block, out.subarray(at, at + block.decodedBytes));
    at += block.decodedBytes;
    // The blocks of Kafka's clients are smaller than a step.
    if (at < stepEnd) continue;
    stepEnd = at + stepBytes;
    yield;
  }
  return out;
}

function isFramed(bytes: Uint8Array): boolean {
  return bytes.length >= frameHeader.length && magic.every((byte, i) => bytes[i] === byte);
}

function readFrames(bytes: Uint8Array): Block[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blocks: Block[] = [];
  for (let at = frameHeader.length; at < bytes.length; ) {
    const from = at + 4;
    if (from > bytes.length) throw malformed(`${bytes.length - at} bytes after the last block`);
    const length = view.getInt32(at);
    if (length < 0 || length > bytes.length - from) throw malformed(`a block of ${length} bytes at ${at}`);
    at = from + length;
    blocks.push(readBlock(bytes, from, at));
  }
  return blocks;
}

function readBlock(bytes: Uint8Array, from: number, to: number): Block {
  let decodedBytes = 0;
  for (let at = from, scale = 1; at < to && at < from + 5; at++, scale *= 128) {
    const byte = bytes[at]!;
    decodedBytes += (byte & 0x7f) * scale;
    if (byte >= 0x80) continue;
    if (decodedBytes > (to - from) * maxRatio) throw malformed(`${to - from} bytes claim to become ${decodedBytes}`);
    return { from: at + 1, to, decodedBytes };
  }
  throw malformed(`no length at ${from}`);
}

function* decodeBlock(bytes: Uint8Array, { from, to }: Block, out: Uint8Array): Steps<void> {
  let at = 0;
  let next = from;
  let stepEnd = stepBytes;
  while (next < to) {
    if (at >= stepEnd) {
      yield;
      stepEnd = at + stepBytes;
    }
    const tag = bytes[next++]!;
    if ((tag & 3) === 0) {
      const extra = literalExtraBytes(tag);
      const length = (extra === 0 ? tag >> 2 : littleEndian(bytes, next, extra, to)) + 1;
      next += extra;
      if (length > to - next || length > out.length - at) throw malformed(`a literal of ${length} bytes at ${next}`);
      copyLiteral(out, at, bytes, next, length);
      next += length;
      at += length;
    } else {
      const extra = matchExtraBytes(tag);
      const low = littleEndian(bytes, next, extra, to);
      const isNear = extra === 1;
      const distance = isNear ? low | ((tag >> 5) << 8) : low;
      const length = isNear ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
      if (distance === 0 || distance > at || length > out.length - at)
        throw malformed(`a match of ${length} at ${next}`);
      next += extra;
      copyMatch(out, at, distance, length);
      at += length;
    }
  }
  if (at !== out.length) throw malformed(`${at} bytes where ${out.length} were declared`);
}

/** A length of more than 60 lies in one to four bytes after the tag. */
function literalExtraBytes(tag: number): number {
  return tag < 240 ? 0 : (tag >> 2) - 59;
}

function matchExtraBytes(tag: number): number {
  const kind = tag & 3;
  return kind === 3 ? 4 : kind;
}

function littleEndian(bytes: Uint8Array, at: number, length: number, to: number): number {
  if (length > to - at) throw malformed(`${length} bytes wanted at ${at}, ${to - at} are there`);
  let value = 0;
  for (let i = length - 1; i >= 0; i--) value = value * 256 + bytes[at + i]!;
  return value;
}

function malformed(detail: string): CorruptBatchError {
  return new CorruptBatchError('codec', `snappy: ${detail}`);
}
