// 64-bit big-endian integers as JavaScript numbers. They are read as two 32-bit halves, because a bigint costs an allocation.

const high = 2 ** 32;

/**
 * The value may be beyond the safe integers, and is then not exact, so callers must check. Rounding never turns an unsafe
 * value into a safe one.
 */
export function readInt64(view: DataView, at: number): number {
  return view.getInt32(at) * high + view.getUint32(at + 4);
}

/** `value` must be a safe integer. */
export function writeInt64(view: DataView, at: number, value: number): void {
  view.setInt32(at, Math.floor(value / high));
  view.setUint32(at + 4, value);
}
