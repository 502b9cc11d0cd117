// Reads the values of Kafka's protocol from one frame.
//
// Invariant: nothing is allocated for a length or a count before it was held against the bytes that are left, and bytes are
// views into the frame. A frame of any content ends in values or in a MalformedFrameError.
import { readInt64 } from '../../lib/bytes/int64.ts';
import { MalformedFrameError } from './malformed-frame.ts';

/**
 * All lists of a frame together. A topic with the most partitions that there can be fits twice. To read so many takes some ten
 * milliseconds, during which nothing else is served.
 */
const mostElements = 25_000;
const uvarintBytes = 5;
/** Kafka's own bound, also where a length could be greater on the wire. */
export const mostTextBytes = 32_767;

export class FrameReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #at = 0;
  #elementsLeft = mostElements;

  constructor(frame: Uint8Array) {
    this.#bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
    this.#view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  }

  get at(): number {
    return this.#at;
  }

  /** All elements of lists, and all tagged fields, that were read so far. */
  get elements(): number {
    return mostElements - this.#elementsLeft;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** Returns where the next `length` bytes begin, and steps over them. */
  #step(length: number): number {
    const from = this.#at;
    if (length > this.#bytes.length - from)
      throw new MalformedFrameError(`byte ${from}: expected ${length} bytes, got ${this.#bytes.length - from}`);
    this.#at = from + length;
    return from;
  }

  bool(): boolean {
    return this.#view.getInt8(this.#step(1)) !== 0;
  }

  int8(): number {
    return this.#view.getInt8(this.#step(1));
  }

  int16(): number {
    return this.#view.getInt16(this.#step(2));
  }

  uint16(): number {
    return this.#view.getUint16(this.#step(2));
  }

  int32(): number {
    return this.#view.getInt32(this.#step(4));
  }

  /** A value beyond the safe integers becomes the nearest safe one: no offset and no time is that great. */
  int64(): number {
    const value = readInt64(this.#view, this.#step(8));
    return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value));
  }

  float64(): number {
    return this.#view.getFloat64(this.#step(8));
  }

  /** As 22 characters of base64url, which is how Rivulet writes the id of a topic. */
  uuid(): string {
    const from = this.#step(16);
    return this.#bytes.toString('base64url', from, from + 16);
  }

  uvarint(): number {
    let value = 0;
    for (let i = 0; i < uvarintBytes; i++) {
      const byte = this.#bytes[this.#step(1)]!;
      value += (byte & 0x7f) * 128 ** i;
      if (byte < 0x80) return value;
    }
    throw new MalformedFrameError(`byte ${this.#at}: a length has more than ${uvarintBytes} bytes`);
  }

  /** Undefined stands for null. A flexible length is one more than it says, so that 0 can be null. */
  lengthPrefix(isFlexible: boolean, isShort: boolean): number | undefined {
    const length = isFlexible ? this.uvarint() - 1 : isShort ? this.int16() : this.int32();
    if (length === -1) return undefined;
    if (length < 0) throw new MalformedFrameError(`byte ${this.#at}: expected a length, got ${length}`);
    return length;
  }

  /** Takes the elements of a list, or tagged fields, from what a frame may have. Each takes at least `leastBytes`. */
  checkCount(count: number, leastBytes: number): void {
    if (count * leastBytes > this.left)
      throw new MalformedFrameError(`byte ${this.#at}: a list of ${count} elements in ${this.left} bytes`);
    this.#elementsLeft -= count;
    if (this.#elementsLeft < 0)
      throw new MalformedFrameError(`byte ${this.#at}: expected at most ${mostElements} elements in a frame, got more`);
  }

  text(length: number): string {
    if (length > mostTextBytes)
      throw new MalformedFrameError(
        `byte ${this.#at}: expected a text of at most ${mostTextBytes} bytes, got ${length}`,
      );
    const from = this.#step(length);
    return this.#bytes.toString('utf8', from, from + length);
  }

  /** A view into the frame, not a copy. */
  bytes(length: number): Uint8Array {
    const from = this.#step(length);
    return this.#bytes.subarray(from, from + length);
  }

  skip(length: number): void {
    this.#step(length);
  }
}
