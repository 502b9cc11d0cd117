import { describe, expect, test } from 'vitest';
import type { Properties } from '../../cli/options.ts';
import { textFormatter, textParser, whyUnreadable } from '../../cli/text-lines.ts';
import type { ConsumedMessage, Message } from '../../client/message.ts';

const flagOf = (properties: Properties) => (name: string, fallback: boolean) =>
  properties[name] === undefined ? fallback : properties[name] === 'true';

const pairs = <T>(headers: NonNullable<Message['headers']>, as: (value: Buffer | null) => T): [string, T][] =>
  (headers as ConsumedMessage['headers']).map(({ key, value }) => [key, as(value)]);

function parse(line: string, properties: Properties) {
  const { key, value, headers } = textParser(properties, flagOf(properties))(Buffer.from(line));
  const text = (bytes: unknown): string | null => (bytes === null ? null : String(bytes));
  return { key: text(key), value: text(value), ...(headers && { headers: pairs(headers, text) }) };
}

describe('a line becomes a message', () => {
  const keyed = { 'parse.key': 'true' };
  const full = { ...keyed, 'parse.headers': 'true' };

  test('with a value alone by default', () => {
    expect(parse('a\tb', {})).toEqual({ key: null, value: 'a\tb' });
    expect(parse('', {})).toEqual({ key: null, value: '' });
  });

  test('with key and value, cut at the first separator, of any length', () => {
    expect(parse('k\tv\tw', keyed)).toEqual({ key: 'k', value: 'v\tw' });
    expect(parse('ü=>v', { ...keyed, 'key.separator': '=>' })).toEqual({ key: 'ü', value: 'v' });
    expect(() => parse('kv', keyed)).toThrow('key.separator: expected "\\t" in the line, got "kv"');
  });

  test('with headers, key and value', () => {
    expect(parse('a:1,b:2:3,a:4\tk\tv', full)).toEqual({
      key: 'k',
      value: 'v',
      headers: [
        ['a', '1'],
        ['b', '2:3'],
        ['a', '4'],
      ],
    });
    expect(parse('\tk\tv', full)).toEqual({ key: 'k', value: 'v', headers: [] });
    expect(() => parse('a\tk\tv', full)).toThrow('headers.key.separator: expected ":" in the line, got "a"');
  });

  test('with nulls where the marker stands, in headers too', () => {
    expect(parse('-\t-', { ...keyed, 'null.marker': '-' })).toEqual({ key: null, value: null });
    expect(parse('a:-,b:1\t-\tv', { ...full, 'null.marker': '-' })).toEqual({
      key: null,
      value: 'v',
      headers: [
        ['a', null],
        ['b', '1'],
      ],
    });
    expect(parse('-\tk\t', { ...full, 'null.marker': '-' })).toEqual({ key: 'k', value: '', headers: [] });
    expect(parse('\t', { ...keyed, 'null.marker': '' })).toEqual({ key: null, value: null });
    expect(() => parse('-:1\tk\tv', { ...full, 'null.marker': '-' })).toThrow(
      'header name: expected a text, got the null.marker "-"',
    );
  });

  test('byte for byte, except for the names of headers', () => {
    const line = Buffer.concat(
      ['h:', [0xff], ',i:', [0xfe, 0x3a], '\t', [0xfd], '\t', [0xfc]].map((part) => Buffer.from(part as string)),
    );
    const { key, value, headers } = textParser(full, flagOf(full))(line);
    expect({ key, value, headers: pairs(headers!, (bytes) => bytes) }).toEqual({
      key: Buffer.from([0xfd]),
      value: Buffer.from([0xfc]),
      headers: [
        ['h', Buffer.from([0xff])],
        ['i', Buffer.from([0xfe, 0x3a])],
      ],
    });
    const noName = Buffer.from([0xff, 0x3a, 0x31, 0x09, 0x09]);
    expect(() => textParser(full, flagOf(full))(noName)).toThrow('header name: expected UTF-8');
  });

  test('with ignore.error also where a separator is missing, as in Kafka', () => {
    const lenient = { ...full, 'ignore.error': 'true' };
    expect(parse('kv', { ...keyed, 'ignore.error': 'true' })).toEqual({ key: null, value: 'kv' });
    expect(parse('a:1,b\tk\tv', lenient)).toEqual({
      key: 'k',
      value: 'v',
      headers: [
        ['a', '1'],
        ['b', null],
      ],
    });
    expect(parse('v', lenient)).toEqual({ key: null, value: 'v' });
  });

  test('only if the separators can be told apart', () => {
    expect(whyUnreadable({})).toBe(undefined);
    expect(whyUnreadable({ 'key.separator': '' })).toBe('key.separator: expected a separator, got an empty text');
    expect(whyUnreadable({ 'headers.separator': ':' })).toBe(
      'headers.separator: expected another text than headers.key.separator, got ":" for both',
    );
    expect(whyUnreadable({ 'null.marker': '\t' })).toBe(
      'headers.delimiter: expected another text than null.marker, got "\\t" for both',
    );
    expect(whyUnreadable({ 'key.separator': ':', 'null.marker': ':' })).toMatch(
      /: expected another text than null.marker/,
    );
  });
});

describe('a message becomes a line', () => {
  const message: ConsumedMessage = {
    topic: 't',
    partition: 3,
    offset: 14,
    timestamp: 1_700_000_000_000,
    key: null,
    value: Buffer.from([0xff, 0x61]),
    headers: [
      { key: 'a', value: Buffer.from('1') },
      { key: 'b', value: Buffer.from([0xfe]) },
      { key: 'a', value: null },
    ],
  };
  const format = (properties: Properties): Buffer => textFormatter(properties, flagOf(properties))(message);

  test('with its value alone, byte for byte, by default', () => {
    expect(format({})).toEqual(Buffer.from([0xff, 0x61, 0x0a]));
  });

  test('with all columns in Kafka’s order', () => {
    const names = ['key', 'headers', 'offset', 'partition', 'timestamp'].map((name) => [`print.${name}`, 'true']);
    const properties = {
      ...Object.fromEntries(names),
      'print.value': 'false',
      'null.literal': 'NULL',
      'key.separator': ' ',
    };
    // We print Latin 1, to see each byte. Bytes that are not UTF-8 come out unchanged, also in a header.
    expect(format({ ...properties, 'line.separator': ';' }).toString('latin1')).toBe(
      'CreateTime:1700000000000 Partition:3 Offset:14 a:1,b:\xfe,a:NULL NULL;',
    );
    expect(String(format({ 'print.headers': 'true', 'print.value': 'false', 'headers.separator': ' & ' }))).toMatch(
      /^a:1 & b:.* & a:null/,
    );
  });

  test('with numbers, where a deserializer of Kafka’s asks for them', () => {
    const long = 'org.apache.kafka.common.serialization.LongDeserializer';
    const number = { ...message, key: Buffer.from([0, 5]), value: Buffer.from('fffffffffffffffe', 'hex') };
    const properties = { 'print.key': 'true', 'key.deserializer': 'ShortDeserializer', 'value.deserializer': long };
    expect(String(textFormatter(properties, flagOf(properties))(number))).toBe('5\t-2\n');
    expect(() => format({ 'value.deserializer': long })).toThrow(
      't partition 3, offset 14: value.deserializer: expected 8 bytes, got 2',
    );
    expect(() => format({ 'key.deserializer': 'Avro' })).toThrow(
      /^key.deserializer: expected one of String.*got 'Avro'$/,
    );
  });
});
