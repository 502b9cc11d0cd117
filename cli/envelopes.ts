// Messages as lines of kcat's JSON envelope: {"topic","partition","offset","tstype","ts","headers","key","payload"}. Headers are
// a flat list of names and values. Bytes that are not UTF-8 are base64, and `key_encoding` or `payload_encoding` says so.
//
// Invariant: messageOfEnvelope reads every line that envelopeOf writes back as the same bytes.
import type { ConsumedMessage, Message, MessageHeader } from '../client/message.ts';
import { parseJson } from '../lib/json/text.ts';

type Fields = Readonly<Record<string, unknown>>;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The line of a message, without the newline. */
export function envelopeOf({ topic, partition, offset, timestamp, headers, key, value }: ConsumedMessage): string {
  const encoded = [...headers.map((header) => header.value), key, value].map(textOrBase64);
  const texts = encoded.map(({ text }) => text);
  const [keyAt, valueAt] = [headers.length, headers.length + 1];
  const base64 = encoded.flatMap(({ isBase64 }, at) => (isBase64 ? [at] : []));
  return JSON.stringify({
    ...{ topic, partition, offset, tstype: 'create', ts: timestamp },
    ...(headers.length > 0 && { headers: headers.flatMap((header, at) => [header.key, texts[at]]) }),
    ...{ key: texts[keyAt], payload: texts[valueAt] },
    ...(base64.includes(keyAt) && { key_encoding: 'base64' }),
    ...(base64.includes(valueAt) && { payload_encoding: 'base64' }),
    ...(base64.some((at) => at < keyAt) && { headers_base64: base64.filter((at) => at < keyAt) }),
  });
}

function textOrBase64(bytes: Buffer | null): { text: string | null; isBase64: boolean } {
  if (bytes === null) return { text: null, isBase64: false };
  try {
    return { text: strictUtf8.decode(bytes), isBase64: false };
  } catch {
    return { text: bytes.toString('base64'), isBase64: true };
  }
}

/** Throws a sentence that says what is wrong. The caller adds the number of the line. */
export function messageOfEnvelope(line: Uint8Array): Message {
  const fields = fieldsOf(line);
  const { partition, ts } = fields;
  return {
    key: bytesOf(fields.key, 'key', fields.key_encoding === 'base64'),
    value: bytesOf(fields.payload, 'payload', fields.payload_encoding === 'base64'),
    ...(fields.headers !== undefined && { headers: headersOf(fields) }),
    ...(partition !== undefined && { partition: whole(partition, 'partition') }),
    ...(ts !== undefined && { timestamp: whole(ts, 'ts') }),
  };
}

function fieldsOf(line: Uint8Array): Fields {
  const value = parseJson(line);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new Error('expected a JSON object with key, payload, headers, partition, ts');
}

function bytesOf(value: unknown, field: string, isBase64: boolean): Buffer | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string') throw new Error(`${field}: expected text or null, got ${quoted(value)}`);
  if (!isBase64) return Buffer.from(value);
  const bytes = Buffer.from(value, 'base64');
  if (bytes.toString('base64') === value) return bytes;
  throw new Error(`${field}: expected base64, got ${quoted(value)}`);
}

function headersOf({ headers, headers_base64: base64 = [] }: Fields): MessageHeader[] {
  if (!Array.isArray(headers) || headers.length % 2 === 1 || !Array.isArray(base64))
    throw new Error('headers: expected a list of names and values, ["name", "value", ...]');
  return Array.from({ length: headers.length / 2 }, (_, at) => {
    const [key, value] = headers.slice(2 * at, 2 * at + 2);
    if (typeof key !== 'string') throw new Error(`headers: expected a name, got ${quoted(key)}`);
    return { key, value: bytesOf(value, `headers.${key}`, base64.includes(at)) };
  });
}

function whole(value: unknown, field: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`${field}: expected a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, got ${quoted(value)}`);
}

const quoted = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 80);
