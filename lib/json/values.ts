// This file converts keys, values and header values between JSON and bytes.
//
//   in   null or absent = null · "text" = its UTF-8 · {"type": "string"|"json"|"binary", "data": ...} = as it says
//        (binary: base64) · anything else = its JSON text in UTF-8
//   out  null = null · UTF-8 text of a JSON object or array = that JSON, spliced in as it is · other UTF-8 = a string ·
//        other bytes = {"type": "binary", "data": base64}

import { unexpected } from '../api/refusal.ts';
import { isWithinLimits } from './text.ts';

type TypedValue = { type: 'json' | 'string' | 'binary'; data: unknown };

/** `value` comes from `parseJson`, so its text is valid Unicode. `field` is its place in the request, for INVALID_REQUEST. */
export function bytesOfJson(value: unknown, field: string): Uint8Array | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return Buffer.from(value);
  if (!isTyped(value)) return Buffer.from(JSON.stringify(value));
  if (value.type === 'json') return Buffer.from(JSON.stringify(value.data));
  if (typeof value.data !== 'string') throw unexpected(`${field}.data`, `a string for type ${value.type}`, value.data);
  return value.type === 'string' ? Buffer.from(value.data) : fromBase64(value.data, `${field}.data`);
}

/** The JSON text of a value. */
export function jsonOfBytes(bytes: Uint8Array | null): string {
  if (bytes === null) return 'null';
  const text = textOf(bytes);
  if (text === undefined) return JSON.stringify({ type: 'binary', data: Buffer.from(bytes).toString('base64') });
  return isJsonContainer(text) ? text : JSON.stringify(text);
}

/** Turns headers given as an object `{name: value}` into the list that it stands for. Any other value is returned as it is. */
export function listOfHeaders(given: unknown): unknown {
  // A number that keeps its digits is also an object, but without a prototype.
  if (typeof given !== 'object' || given === null || Object.getPrototypeOf(given) !== Object.prototype) return given;
  return Object.entries(given).map(([name, value]) => ({ name, value }));
}

function isTyped(value: object | number | boolean): value is TypedValue {
  if (typeof value !== 'object' || Object.keys(value).length !== 2 || !('data' in value) || !('type' in value))
    return false;
  return value.type === 'json' || value.type === 'string' || value.type === 'binary';
}

/** Strict base64: Buffer skips characters that it does not know, so a text that does not round-trip is refused. */
function fromBase64(text: string, field: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw unexpected(field, 'padded base64 (RFC 4648, section 4)', text);
  return bytes;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Containers beyond the limits stay strings, so that no reader of a reply meets more levels or names than a writer may send. */
function isJsonContainer(text: string): boolean {
  if (!/^[\t\n\r ]*[{[]/.test(text) || !isWithinLimits(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
