// Converts the port's values to DynamoDB's typed values and back.
// Invariant: decode(encode(item)) equals item. Decoding drops types that the port does not have, because a later version
// may store them.
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { isScalar } from '../item-size.ts';
import type { Item, Key, Scalar, Value } from '../table.ts';

export type Attributes = Record<string, AttributeValue>;

export function encodeKey({ pk, sk }: Key): Attributes {
  return { pk: { S: pk }, sk: { S: sk } };
}

export function encodeItem(item: Item): Attributes {
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, encodeValue(value)]));
}

export function encodeValue(value: Value): AttributeValue {
  if (isScalar(value)) return encodeScalar(value);
  if (Array.isArray(value)) return { L: value.map(encodeScalar) };
  return { M: Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, encodeScalar(entry)])) };
}

function encodeScalar(value: Scalar): AttributeValue {
  if (typeof value === 'string') return { S: value };
  return typeof value === 'number' ? { N: String(value) } : { B: value };
}

export function decodeItem(attributes: Attributes): Item {
  const item: Record<string, Value> = {};
  for (const [name, attribute] of Object.entries(attributes)) {
    const value = decodeValue(attribute);
    if (value !== undefined) item[name] = value;
  }
  return item as Item;
}

function decodeValue(attribute: AttributeValue): Value | undefined {
  if (attribute.L) return attribute.L.map(decodeScalar).filter((element) => element !== undefined);
  if (attribute.M) {
    const entries = Object.entries(attribute.M).map(([name, entry]) => [name, decodeScalar(entry)] as const);
    return Object.fromEntries(entries.filter((entry): entry is [string, Scalar] => entry[1] !== undefined));
  }
  return decodeScalar(attribute);
}

function decodeScalar(attribute: AttributeValue): Scalar | undefined {
  if (attribute.N !== undefined) return Number(attribute.N);
  return attribute.S ?? attribute.B;
}
