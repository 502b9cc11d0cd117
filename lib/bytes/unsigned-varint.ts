// Unsigned LEB128 for the stored formats: 7 bits in a byte, low bits first, safe integers (1..8 bytes). Kafka's own varints
// are zigzag: see varint.ts.

export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** Returns the position after the varint, where the next byte goes. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) target[at++] = (rest % 128) | 0x80;
  target[at++] = rest;
  return at;
}

/** Throws RangeError if the varint runs past the end of the bytes or has more than 8 bytes. */
export function readVarint(source: Uint8Array, at: number): { value: number; end: number } {
  let value = 0;
  for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
    const byte = source[at++];
    if (byte === undefined) throw new RangeError(`varint runs past the end, at byte ${at - 1}`);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, end: at };
  }
  throw new RangeError(`varint of more than 8 bytes, at byte ${at - 8}`);
}
