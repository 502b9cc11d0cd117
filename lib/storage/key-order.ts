// The order of keys is that of their UTF-8 bytes, as S3 lists and DynamoDB sorts. JavaScript's own order is by UTF-16 units
// and differs: U+FF5E comes before U+1F600 in UTF-8, but after it in UTF-16.

/** Returns a negative number when `a` comes first, and 0 when both are equal. Both must be well-formed. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above U+FFFF, so they sort after U+E000..U+FFFF. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** Returns the index of the first key at or after `key` in `sorted`, or the length of `sorted` if there is none. */
export function firstAtOrAfter(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareUtf8(sorted[middle]!, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Returns the index of the first key after `key`. */
export function firstAfter(sorted: readonly string[], key: string): number {
  return firstAtOrAfter(sorted, `${key}\0`);
}
