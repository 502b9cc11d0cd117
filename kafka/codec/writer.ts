// Writes the values of Kafka's protocol as a list of chunks.
//
// Invariant: records and other long bytes are not copied: they become chunks of their own, between the pages that hold
// what stands around them.
import { writeInt64 } from '../../lib/bytes/int64.ts';

const firstPageBytes = 256;
const pageBytes = 16_384;
/** Shorter bytes are copied: a chunk of its own costs more. */
const ownChunkBytes = 1_024;

const least64 = -(2n ** 63n);
const most64 = 2n ** 63n - 1n;

export class FrameWriter {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;
  #page = Buffer.allocUnsafe(firstPageBytes);
  #view = viewOf(this.#page);
  /** The part of the page that stands in no chunk yet is [from, at). */
  #from = 0;
  #at = 0;

  /** The bytes written so far. */
  get length(): number {
    return this.#length + this.#at - this.#from;
  }

  /** All bytes in order. Nothing may be written afterwards. */
  finish(): Uint8Array[] {
    this.#closeChunk();
    return this.#chunks;
  }

  #closeChunk(): void {
    if (this.#at === this.#from) return;
    this.#chunks.push(this.#page.subarray(this.#from, this.#at));
    this.#length += this.#at - this.#from;
    this.#from = this.#at;
  }

  /** Makes room, and returns where the next `length` bytes go. */
  #step(length: number): number {
    if (this.#at + length > this.#page.length) {
      this.#closeChunk();
      this.#page = Buffer.allocUnsafe(Math.max(length, pageBytes));
      this.#view = viewOf(this.#page);
      this.#from = 0;
      this.#at = 0;
    }
    const at = this.#at;
    this.#at += length;
    return at;
  }

  bool(value: boolean): void {
    this.int8(value ? 1 : 0);
  }

  int8(value: number): void {
    const at = this.#step(1);
    this.#view.setInt8(at, value);
  }

  int16(value: number): void {
    const at = this.#step(2);
    this.#view.setInt16(at, value);
  }

  uint16(value: number): void {
    const at = this.#step(2);
    this.#view.setUint16(at, value);
  }

  int32(value: number): void {
    const at = this.#step(4);
    this.#view.setInt32(at, value);
  }

  /** A value beyond the safe integers stands for the end of int64: the table has 2^63 - 1, which is no number of JavaScript. */
  int64(value: number): void {
    const at = this.#step(8);
    if (Number.isSafeInteger(value)) writeInt64(this.#view, at, value);
    else this.#view.setBigInt64(at, value < 0 ? least64 : most64);
  }

  float64(value: number): void {
    const at = this.#step(8);
    this.#view.setFloat64(at, value);
  }

  uuid(value: string): void {
    const at = this.#step(16);
    this.#page.write(value, at, 16, 'base64url');
  }

  uvarint(value: number): void {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.int8((rest % 128) | 0x80);
    this.int8(rest);
  }

  /** Undefined stands for null. */
  lengthPrefix(length: number | undefined, isFlexible: boolean, isShort: boolean): void {
    if (isFlexible) this.uvarint((length ?? -1) + 1);
    else if (isShort) this.int16(length ?? -1);
    else this.int32(length ?? -1);
  }

  text(value: string, byteLength: number): void {
    const at = this.#step(byteLength);
    this.#page.write(value, at, byteLength, 'utf8');
  }

  bytes(value: Uint8Array): void {
    if (value.length < ownChunkBytes) {
      const at = this.#step(value.length);
      this.#page.set(value, at);
      return;
    }
    this.#closeChunk();
    this.#chunks.push(value);
    this.#length += value.length;
  }
}

const viewOf = (page: Buffer): DataView => new DataView(page.buffer, page.byteOffset, page.byteLength);
