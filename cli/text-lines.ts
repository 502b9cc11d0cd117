// Messages as lines of text, by the properties of Kafka's console tools. This file works on bytes, so that text which is not
// UTF-8 passes through unchanged.
//
//   in    [headers <headers.delimiter>] [key <key.separator>] value
//   out   [CreateTime:ms] [Partition:n] [Offset:n] [headers] [key] [value], with key.separator between them

import { deserializerOf } from '../client/deserializers.ts';
import type { ConsumedMessage, Message, MessageHeader } from '../client/message.ts';
import type { Properties } from './options.ts';

export const readerProperties: readonly string[] = [
  'parse.key',
  'key.separator',
  'parse.headers',
  'headers.delimiter',
  'headers.separator',
  'headers.key.separator',
  'null.marker',
  'ignore.error',
];

export const formatterProperties: readonly string[] = [
  'print.timestamp',
  'print.partition',
  'print.offset',
  'print.headers',
  'print.key',
  'print.value',
  'key.separator',
  'headers.separator',
  'line.separator',
  'null.literal',
  'key.deserializer',
  'value.deserializer',
  'headers.deserializer',
];

/** Answers whether a property is switched on. */
type Flag = (name: string, fallback: boolean) => boolean;

const separators: Readonly<Record<string, string>> = {
  'key.separator': '\t',
  'headers.delimiter': '\t',
  'headers.separator': ',',
  'headers.key.separator': ':',
};

/** Finds separators that are empty or equal. The result is a sentence that begins with the property. */
export function whyUnreadable(properties: Properties): string | undefined {
  const { 'key.separator': key, ...ofHeaders } = { ...separators, ...selected(properties, Object.keys(separators)) };
  const marker = selected(properties, ['null.marker']);
  const empty = Object.entries({ ...ofHeaders, 'key.separator': key }).find(([, text]) => text === '');
  if (empty) return `${empty[0]}: expected a separator, got an empty text`;
  return twins({ ...ofHeaders, ...marker }) ?? twins({ 'key.separator': key!, ...marker });
}

const selected = (properties: Properties, names: readonly string[]): Properties =>
  Object.fromEntries(Object.entries(properties).filter(([name]) => names.includes(name)));

function twins(properties: Properties): string | undefined {
  const names = Object.keys(properties);
  const [one, other] = names.flatMap((name, at) => {
    const same = names.slice(0, at).find((before) => properties[before] === properties[name]);
    return same === undefined ? [] : [same, name];
  });
  return one && `${one}: expected another text than ${other}, got ${JSON.stringify(properties[one])} for both`;
}

/** @returns a function that throws a sentence which says what is wrong. Its caller adds the number of the line. */
export function textParser(properties: Properties, flag: Flag): (line: Buffer) => Message {
  const given = { ...separators, ...properties };
  const [takesKey, takesHeaders] = [flag('parse.key', false), flag('parse.headers', false)];
  const isLenient = flag('ignore.error', false);
  const marker = properties['null.marker'] === undefined ? undefined : Buffer.from(properties['null.marker']);
  const orNull = (bytes: Buffer): Buffer | null => (marker?.equals(bytes) ? null : bytes);

  /** Returns the bytes before the first separator, and the bytes behind it. */
  function cut(line: Buffer, property: string): [Buffer | undefined, Buffer] {
    const separator = given[property]!;
    const at = line.indexOf(separator);
    if (at >= 0) return [line.subarray(0, at), line.subarray(at + Buffer.byteLength(separator))];
    if (isLenient) return [undefined, line];
    throw new Error(`${property}: expected ${JSON.stringify(separator)} in the line, got ${quoted(line)}`);
  }

  function headerOf(pair: Buffer): MessageHeader {
    const [name, value] = cut(pair, 'headers.key.separator');
    if (name === undefined) return { key: textOf(value), value: null };
    if (orNull(name) === null) throw new Error(`header name: expected a text, got the null.marker ${quoted(name)}`);
    return { key: textOf(name), value: orNull(value) };
  }

  return (line) => {
    const [headers, rest] = takesHeaders ? cut(line, 'headers.delimiter') : [undefined, line];
    const [key, value] = takesKey ? cut(rest, 'key.separator') : [undefined, rest];
    const pairs = headers && orNull(headers) ? pieces(headers, given['headers.separator']!).map(headerOf) : [];
    return {
      key: key === undefined ? null : orNull(key),
      value: orNull(value),
      ...(headers && { headers: pairs }),
    };
  };
}

/** Splits the bytes at each separator. An empty input has no pieces. */
function pieces(bytes: Buffer, separator: string): Buffer[] {
  const found: Buffer[] = [];
  let from = 0;
  for (let at = bytes.indexOf(separator); at >= 0; at = bytes.indexOf(separator, from)) {
    found.push(bytes.subarray(from, at));
    from = at + Buffer.byteLength(separator);
  }
  return bytes.length === 0 ? [] : [...found, bytes.subarray(from)];
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(name: Buffer): string {
  try {
    return strictUtf8.decode(name);
  } catch {
    throw new Error(`header name: expected UTF-8, got ${quoted(name)}`);
  }
}

/** Quotes the beginning of the bytes, enough for a person to find them. */
const quoted = (bytes: Buffer): string => JSON.stringify(bytes.subarray(0, 80).toString());

type Column = (message: ConsumedMessage) => readonly (Buffer | string)[];

/** Throws a sentence that says what is wrong and begins with the property. */
export function textFormatter(properties: Properties, flag: Flag): (message: ConsumedMessage) => Buffer {
  const { 'key.separator': separator = '\t', 'line.separator': end = '\n' } = properties;
  const key = printerOf(properties, 'key.deserializer');
  const value = printerOf(properties, 'value.deserializer');
  const headerValue = printerOf(properties, 'headers.deserializer');
  const columns: Column[] = [];
  if (flag('print.timestamp', false)) columns.push(({ timestamp }) => [`CreateTime:${timestamp}`]);
  if (flag('print.partition', false)) columns.push(({ partition }) => [`Partition:${partition}`]);
  if (flag('print.offset', false)) columns.push(({ offset }) => [`Offset:${offset}`]);
  if (flag('print.headers', false)) columns.push(({ headers }) => headersAsText(headers, headerValue, properties));
  if (flag('print.key', false)) columns.push((message) => [key(message.key)]);
  if (flag('print.value', true)) columns.push((message) => [value(message.value)]);
  return (message) => {
    const parts = columns.flatMap((column, at) => [...(at === 0 ? [] : [separator]), ...printed(message, column)]);
    return Buffer.concat([...parts, end].map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
  };
}

function printed(message: ConsumedMessage, column: Column): readonly (Buffer | string)[] {
  try {
    return column(message);
  } catch (error) {
    const { topic, partition, offset } = message;
    throw new Error(`${topic} partition ${partition}, offset ${offset}: ${(error as Error).message}`);
  }
}

type Printer = (bytes: Buffer | null) => Buffer;

function printerOf(properties: Properties, property: string): Printer {
  const { [property]: name, 'null.literal': none = 'null' } = properties;
  const named = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw new Error(`${property}: ${(error as Error).message}`);
    }
  };
  const deserialize = named(() => deserializerOf(name));
  return (bytes) => (bytes === null ? Buffer.from(none) : named(() => deserialize(bytes)));
}

function headersAsText(
  headers: ConsumedMessage['headers'],
  print: Printer,
  { 'headers.separator': separator = ',' }: Properties,
): (Buffer | string)[] {
  const parts = headers.flatMap(({ key, value }) => [separator, `${key}:`, print(value)]);
  return parts.length === 0 ? ['NO_HEADERS'] : parts.slice(1);
}
