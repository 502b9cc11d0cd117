// The size of an item as DynamoDB counts it, for the limit of 400 KB and for the write units that it bills.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
// That document only approximates the size of numbers. The rule here (pairs of decimal digits) agrees with DynamoDB Local.
import type { Item, Scalar, Value } from './table.ts';

const CONTAINER_BYTES = 3;
const ELEMENT_BYTES = 1;

/** The bytes of all attribute names and values, including `pk` and `sk`. */
export function itemSize(item: Item): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(item)) bytes += Buffer.byteLength(name) + valueSize(value);
  return bytes;
}

function valueSize(value: Value): number {
  if (isScalar(value)) return scalarSize(value);
  let bytes = CONTAINER_BYTES;
  if (Array.isArray(value)) {
    for (const element of value) bytes += ELEMENT_BYTES + scalarSize(element);
  } else {
    for (const [name, entry] of Object.entries(value))
      bytes += ELEMENT_BYTES + Buffer.byteLength(name) + scalarSize(entry);
  }
  return bytes;
}

export function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || value instanceof Uint8Array;
}

function scalarSize(value: Scalar): number {
  if (typeof value === 'number') return numberSize(value);
  return typeof value === 'string' ? Buffer.byteLength(value) : value.byteLength;
}

/**
 * A number takes one byte, one more for a negative sign, and one for each pair of digits, counted from the decimal point.
 * Trailing pairs of zeros take none.
 */
function numberSize(value: number): number {
  let rest = Math.abs(value);
  if (rest === 0) return 1;
  while (rest % 100 === 0) rest /= 100;
  return (value < 0 ? 2 : 1) + Math.ceil(String(rest).length / 2);
}
