// The two moves of every LZ77 decoder (LZ4, Snappy). Short runs by hand: a call into the engine costs more than they do.

const shortRunBytes = 32;

/** Copies `length` bytes of `source` at `from` to `out` at `at`. The caller has checked the bounds of both. */
export function copyLiteral(out: Uint8Array, at: number, source: Uint8Array, from: number, length: number): void {
  if (length > shortRunBytes) {
    out.set(source.subarray(from, from + length), at);
    return;
  }
  for (let i = 0; i < length; i++) out[at + i] = source[from + i]!;
}

/** Repeats what lies `distance` bytes back. A run longer than its distance repeats itself: byte by byte, first to last. */
export function copyMatch(out: Uint8Array, at: number, distance: number, length: number): void {
  const from = at - distance;
  if (length > shortRunBytes && length <= distance) {
    out.copyWithin(at, from, from + length);
    return;
  }
  for (let i = 0; i < length; i++) out[at + i] = out[from + i]!;
}
