// Messages as lines of JSON (ndjson): {"partition","offset","timestamp","key","value","headers"}. Keys and values look as in
// the HTTP API: a string is itself, null is null, other JSON is its text, and {"type", "data"} names its type.
//
// Invariant: messageOfLine reads every line that lineOfMessage writes back as the same bytes.

import type { ConsumedMessage, Message, MessageHeader } from '../client/message.ts';
import { parseJson } from '../lib/json/text.ts';
import { bytesOfJson, listOfHeaders } from '../lib/json/values.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The fields of a line. A consumer adds `topic` and `offset`, and a producer ignores them. */
const known: readonly string[] = ['key', 'value', 'headers', 'partition', 'timestamp', 'topic', 'offset'];

/** Throws a sentence that says what is wrong. The caller adds the number of the line. */
export function messageOfLine(line: Uint8Array): Message {
  const fields = parseLine(line);
  if (!isObject(fields)) throw new Error('expected a JSON object with key, value, headers, partition, timestamp');
  const unknown = Object.keys(fields).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`${unknown}: expected one of ${known.slice(0, 5).join(', ')}`);
  const { partition, timestamp } = fields;
  return {
    key: bytesOfJson(fields.key, 'key'),
    value: bytesOfJson(fields.value, 'value'),
    ...(fields.headers !== undefined && { headers: headersOf(fields.headers) }),
    ...(partition !== undefined && { partition: whole(partition, 'partition') }),
    ...(timestamp !== undefined && { timestamp: whole(timestamp, 'timestamp') }),
  };
}

/** parseJson keeps the digits of a number that a double cannot hold. Such a value is not a number here. */
function whole(value: unknown, field: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  const got = JSON.stringify(value).slice(0, 80);
  throw new Error(`${field}: expected a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, got ${got}`);
}

/** Removes the name `body` from parseJson's errors, because a line is not the body of a request. */
function parseLine(line: Uint8Array): unknown {
  try {
    return parseJson(line);
  } catch (cause) {
    throw new Error((cause as Error).message.replace(/^body: /, ''), { cause });
  }
}

/** Like other readers of NDJSON, ours skips lines that hold only white space. */
export function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

/** Headers are given as `[{name, value}]` or as an object. */
function headersOf(given: unknown): MessageHeader[] {
  const list = listOfHeaders(given);
  if (!Array.isArray(list)) throw new Error('headers: expected a list of {name, value}');
  return list.map((header: unknown) => {
    if (!isObject(header) || typeof header.name !== 'string')
      throw new Error('headers: expected a list of {name, value}');
    return { key: header.name, value: bytesOfJson(header.value, `headers.${header.name}`) };
  });
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The line of a message, without the newline. */
export function lineOfMessage({ partition, offset, timestamp, key, value, headers }: ConsumedMessage): string {
  const list = headers.map((one) => `{"name":${JSON.stringify(one.key)},"value":${jsonOf(one.value)}}`);
  const tail = list.length > 0 ? `,"headers":[${list.join(',')}]` : '';
  return `{"partition":${partition},"offset":${offset},"timestamp":${timestamp},"key":${jsonOf(key)},"value":${jsonOf(value)}${tail}}`;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function jsonOf(bytes: Buffer | null): string {
  if (bytes === null) return 'null';
  try {
    const text = strictUtf8.decode(bytes);
    return isItsOwnJson(text) ? text : JSON.stringify(text);
  } catch {
    return JSON.stringify({ type: 'binary', data: bytes.toString('base64') });
  }
}

/** Whether the text stays the same when it is parsed and written again, and is not read as a {"type", "data"}. */
function isItsOwnJson(text: string): boolean {
  if (!text.startsWith('{') && !text.startsWith('[')) return false;
  try {
    const value: unknown = JSON.parse(text);
    return JSON.stringify(value) === text && !(isObject(value) && 'type' in value && 'data' in value);
  } catch {
    return false;
  }
}
