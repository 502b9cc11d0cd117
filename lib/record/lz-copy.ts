// The two moves of every LZ77 decoder (LZ4, Snappy). Short runs by hand: a call into the engine costs more than they do.

const shortRunBytes = 32;
/** From here on a run that repeats itself is worth a call for each doubling. */
const longRunBytes = 512;

/** Copies `length` bytes of `source` at `from` to `out` at `at`. The caller has checked the bounds of both. */
export function copyLiteral(out: Uint8Array, at: number, source: Uint8Array, from: number, length: number): void {
  if (length > shortRunBytes) {
    out.set(source.subarray(from, from + length), at);
    return;
  }
  for (let i = 0; i < length; i++) out[at + i] = source[from + i]!;
}

/** Repeats what lies `distance` bytes back. A run longer than its distance repeats itself, first to last. */
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
