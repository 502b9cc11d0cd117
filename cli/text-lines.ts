// Messages as lines of text, by the properties of Kafka's console tools. Bytes all the way: what is no UTF-8 passes through.
//
//   in    [headers <headers.delimiter>] [key <key.separator>] value
//   out   [CreateTime:ms] [Partition:n] [Offset:n] [headers] [key] [value], with key.separator between them
import type { ConsumedMessage, Message, MessageBytes, MessageHeader } from '../lib/client/message.ts';
import type { Properties } from './options.ts';

export const readerProperties: readonly string[] = [
  'parse.key',
  'key.separator',
  'parse.headers',
  'headers.delimiter',
  'headers.separator',
  'headers.key.separator',
  'null.marker',
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
];

/** The answer to whether a property is switched on. */
type Flag = (name: string, fallback: boolean) => boolean;

/** @returns a function that throws with what is wrong; where, its caller knows. */
export function textParser(properties: Properties, flag: Flag): (line: Buffer) => Message {
  const takesKey = flag('parse.key', false);
  const takesHeaders = flag('parse.headers', false);
  const { 'key.separator': keySeparator = '\t', 'headers.delimiter': delimiter = '\t' } = properties;
  const marker = properties['null.marker'];
  const orNull = (bytes: Buffer): MessageBytes =>
    marker !== undefined && bytes.equals(Buffer.from(marker)) ? null : bytes;
  return (line) => {
    const [headers, rest] = takesHeaders ? cut(line, delimiter, 'headers.delimiter') : [undefined, line];
    const [key, value] = takesKey ? cut(rest, keySeparator, 'key.separator') : [undefined, rest];
    return {
      key: key === undefined ? null : orNull(key),
      value: orNull(value),
      ...(headers && { headers: parseHeaders(headers.toString(), properties) }),
    };
  };
}

function cut(line: Buffer, separator: string, name: string): [Buffer, Buffer] {
  const at = line.indexOf(separator);
  if (at < 0) throw new Error(`${name} ${JSON.stringify(separator)} not found`);
  return [line.subarray(0, at), line.subarray(at + Buffer.byteLength(separator))];
}

function parseHeaders(text: string, properties: Properties): MessageHeader[] {
  const { 'headers.separator': separator = ',', 'headers.key.separator': keySeparator = ':' } = properties;
  const pairs = text === '' ? [] : text.split(separator);
  return pairs.map((pair) => {
    const at = pair.indexOf(keySeparator);
    if (at < 0)
      throw new Error(`headers.key.separator ${JSON.stringify(keySeparator)} not found in ${JSON.stringify(pair)}`);
    return { key: pair.slice(0, at), value: pair.slice(at + keySeparator.length) };
  });
}

export function textFormatter(properties: Properties, flag: Flag): (message: ConsumedMessage) => Buffer {
  const { 'key.separator': separator = '\t', 'line.separator': end = '\n', 'null.literal': none = 'null' } = properties;
  const { 'headers.separator': headersSeparator = ',' } = properties;
  const bytesOf = (value: Buffer | null): Buffer => value ?? Buffer.from(none);
  const columns: ((message: ConsumedMessage) => Buffer | string)[] = [];
  if (flag('print.timestamp', false)) columns.push(({ timestamp }) => `CreateTime:${timestamp}`);
  if (flag('print.partition', false)) columns.push(({ partition }) => `Partition:${partition}`);
  if (flag('print.offset', false)) columns.push(({ offset }) => `Offset:${offset}`);
  if (flag('print.headers', false)) columns.push(({ headers }) => formatHeaders(headers, headersSeparator, none));
  if (flag('print.key', false)) columns.push(({ key }) => bytesOf(key));
  if (flag('print.value', true)) columns.push(({ value }) => bytesOf(value));
  return (message) => {
    const pieces = columns.flatMap((column, at) => [at === 0 ? '' : separator, column(message)]);
    return Buffer.concat([...pieces, end].map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece)));
  };
}

function formatHeaders(headers: ConsumedMessage['headers'], separator: string, none: string): string {
  const pairs = headers.map(({ key, value }) => `${key}:${value ?? none}`);
  return pairs.join(separator) || 'NO_HEADERS';
}
