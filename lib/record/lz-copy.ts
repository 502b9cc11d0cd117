// These are the two copies that every LZ77 decoder makes (LZ4, Snappy). Short runs are copied by a loop, because a call into
// the engine costs more than they do.

const shortRunBytes = 32;
/** From this length on, a run that repeats itself is worth a call for each doubling. */
const longRunBytes = 512;

/** Copies `length` bytes of `source` at `from` to `out` at `at`. The caller has checked the bounds of both. */
export function copyLiteral(out: Uint8Array, at: number, source: Uint8Array, from: number, length: number): void {
  if (length > shortRunBytes) {
    out.set(source.subarray(from, from + length), at);
    return;
  }
  for (let i = 0; i < length; i++) out[at + i] = source[from + i]!;
}

/**
 * Repeats the bytes that lie `distance` bytes back. A run longer than its distance repeats itself, from the first byte to
 * the last.
 */
export function copyMatch(out: Uint8Array, at: number, distance: number, length: number): void {
  const from = at - distance;
  if (length > shortRunBytes && length <= distance) {
    out.copyWithin(at, from, from + length);
    return;
  }
  if (length > longRunBytes) {
    for (let done = 0; done < length; ) {
      const next = Math.min(length - done, distance + done);
      out.copyWithin(at + done, from, from + next);
      done += next;
    }
    return;
  }
  for (let i = 0; i < length; i++) out[at + i] = out[from + i]!;
}
