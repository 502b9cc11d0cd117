// The size of an item as DynamoDB counts it: for the limit of 400 KB and for the write units it bills.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
// The document only approximates numbers; the rule here (pairs of decimal digits) is what DynamoDB Local measures.
import type { Item, Scalar, Value } from './table.ts';

const CONTAINER_BYTES = 3;
const ELEMENT_BYTES = 1;

/** Bytes of all attribute names and values, `pk` and `sk` included. */
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

/** One byte, one for the sign if negative, one for each pair of digits (counted from the point) but trailing zero pairs. */
function numberSize(value: number): number {
  let rest = Math.abs(value);
  if (rest === 0) return 1;
  while (rest % 100 === 0) rest /= 100;
  return (value < 0 ? 2 : 1) + Math.ceil(String(rest).length / 2);
}
