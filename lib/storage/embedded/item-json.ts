// An item's attributes as the text that SQLite stores: JSON, so that a person can read it with sqlite3.
// Binary is {"": base64}: no map of ours can look like that, since a map has no entry with an empty name.
// `pk` and `sk` are columns and not repeated.
import { isScalar } from '../item-size.ts';
import type { Item, Key, Scalar, Value } from '../table.ts';

type JsonScalar = string | number | { readonly '': string };
type JsonValue = JsonScalar | readonly JsonScalar[] | { readonly [entry: string]: JsonScalar };

export function encodeItem(item: Item): string {
  const { pk: _pk, sk: _sk, ...attributes } = item;
  return JSON.stringify(mapEntries(attributes as { [name: string]: Value }, encodeValue));
}

export function decodeItem({ pk, sk }: Key, json: string): Item {
  const attributes = JSON.parse(json) as { [name: string]: JsonValue };
  return { pk, sk, ...mapEntries(attributes, decodeValue) };
}

function encodeValue(value: Value): JsonValue {
  if (isScalar(value)) return encodeScalar(value);
  return Array.isArray(value)
    ? value.map(encodeScalar)
    : mapEntries(value as { [entry: string]: Scalar }, encodeScalar);
}

function encodeScalar(value: Scalar): JsonScalar {
  if (typeof value !== 'object') return value;
  return { '': Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') };
}

function decodeValue(value: JsonValue): Value {
  if (isJsonScalar(value)) return decodeScalar(value);
  return Array.isArray(value)
    ? value.map(decodeScalar)
    : mapEntries(value as { [entry: string]: JsonScalar }, decodeScalar);
}

function isJsonScalar(value: JsonValue): value is JsonScalar {
  return typeof value !== 'object' || '' in value;
}

function decodeScalar(value: JsonScalar): Scalar {
  return typeof value === 'object' ? new Uint8Array(Buffer.from(value[''], 'base64')) : value;
}

function mapEntries<A, B>(from: { readonly [name: string]: A }, map: (value: A) => B): { [name: string]: B } {
  const to: { [name: string]: B } = {};
  for (const name of Object.keys(from)) to[name] = map(from[name]!);
  return to;
}
