// The page of a topic's storage keeps the partition and the first offset in its URL.
// Invariant: whatever a URL holds, this gives values that the page can use.

export type StorageSearch = {
  /** Absent: 0. */
  readonly partition?: number;
  /** The page begins with the piece that holds this offset. Absent: the earliest. */
  readonly from?: number;
};

export function storageSearch({ partition, from }: Record<string, unknown>): StorageSearch {
  const whole = (value: unknown, most: number): value is number =>
    Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most;
  return {
    ...(whole(partition, 9_999) && { partition }),
    ...(whole(from, Number.MAX_SAFE_INTEGER) && { from }),
  };
}
