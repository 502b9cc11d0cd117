// Kafka's varints: first zigzag (0, -1, 1, -2 ... become 0, 1, 2, 3 ...), then seven bits in a byte, low bits first. The
// high bit is set on all bytes but the last. A varint is an int32 in 1..5 bytes. A varlong is an int64 in 1..10 bytes, but
// here it must be a safe integer. Small values use integer arithmetic, and the rest use a bigint.
import { type Cursor, MalformedBytesError } from './cursor.ts';

/** The zigzag form of a varlong below this magnitude is an int32. */
const smallLimit = 2 ** 30;

export function varintBytes(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  return zigzag < 0x80 ? 1 : Math.ceil((32 - Math.clz32(zigzag)) / 7);
}

export function varlongBytes(value: number): number {
  if (isSmall(value)) return varintBytes(value);
  let bytes = 1;
  for (let rest = bigZigzag(value) >> 7n; rest > 0n; rest >>= 7n) bytes++;
  return bytes;
}

export function writeVarint(cursor: Cursor, value: number): void {
  const { bytes } = cursor;
  let at = cursor.at;
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  for (; rest >= 0x80; rest >>>= 7) bytes[at++] = rest | 0x80;
  bytes[at++] = rest;
  cursor.at = at;
}

/** `value` must be a safe integer. */
export function writeVarlong(cursor: Cursor, value: number): void {
  if (isSmall(value)) {
    writeVarint(cursor, value);
    return;
  }
  let rest = bigZigzag(value);
  for (; rest >= 0x80n; rest >>= 7n) cursor.bytes[cursor.at++] = Number(rest & 0x7fn) | 0x80;
  cursor.bytes[cursor.at++] = Number(rest);
}

/** Reads an int32. */
export function readVarint(cursor: Cursor): number {
  const { bytes, end } = cursor;
  let at = cursor.at;
  let zigzag = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    if (at >= end) throw new MalformedBytesError(`a varint runs past the end, at ${at}`);
    const byte = bytes[at++]!;
    zigzag |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      cursor.at = at;
      return (zigzag >>> 1) ^ -(zigzag & 1);
    }
  }
  throw new MalformedBytesError(`a varint has more than 5 bytes, at ${cursor.at}`);
}

/** Reads a safe integer, and throws for an int64 beyond them. */
export function readVarlong(cursor: Cursor): number {
  const { bytes, at, end } = cursor;
  for (let i = at; i < at + 4 && i < end; i++) if (bytes[i]! < 0x80) return readVarint(cursor);
  return readBigVarlong(cursor);
}

/** The low 28 bits of the zigzag form, and the rest: each is exact, and a bigint would take twenty times as long. */
function readBigVarlong(cursor: Cursor): number {
  let low = 0;
  let high = 0;
  for (let i = 0, scale = 1; i < 10; i++) {
    if (cursor.at >= cursor.end) throw new MalformedBytesError(`a varlong runs past the end, at ${cursor.at}`);
    const byte = cursor.bytes[cursor.at++]!;
    if (i < 4) low += (byte & 0x7f) * scale;
    else high += (byte & 0x7f) * scale;
    scale = i === 3 ? 1 : scale * 128;
    if (byte < 0x80) return safeNumber(low, high, cursor.at);
  }
  throw new MalformedBytesError(`a varlong has more than 10 bytes, before ${cursor.at}`);
}

function safeNumber(low: number, high: number, end: number): number {
  const half = high * 2 ** 27 + (low >>> 1);
  const value = low & 1 ? -half - 1 : half;
  if (!Number.isSafeInteger(value)) throw new MalformedBytesError(`a varlong beyond +-(2^53 - 1), before ${end}`);
  return value;
}

function isSmall(value: number): boolean {
  return value < smallLimit && value >= -smallLimit;
}

function bigZigzag(value: number): bigint {
  const big = BigInt(value);
  return big >= 0n ? big << 1n : (-big << 1n) - 1n;
}
