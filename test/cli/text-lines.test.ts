import { describe, expect, test } from 'vitest';
import type { Properties } from '../../cli/options.ts';
import { textFormatter, textParser } from '../../cli/text-lines.ts';
import type { ConsumedMessage } from '../../lib/client/message.ts';

const flagOf = (properties: Properties) => (name: string, fallback: boolean) =>
  properties[name] === undefined ? fallback : properties[name] === 'true';

function parse(line: string, properties: Properties) {
  const { key, value, headers } = textParser(properties, flagOf(properties))(Buffer.from(line));
  const text = (bytes: unknown): string | null => (bytes === null ? null : String(bytes));
  return { key: text(key), value: text(value), ...(headers && { headers }) };
}

describe('a line becomes a message', () => {
  const keyed = { 'parse.key': 'true' };
  const full = { ...keyed, 'parse.headers': 'true' };

  test('of a value alone, unless told otherwise', () => {
    expect(parse('a\tb', {})).toEqual({ key: null, value: 'a\tb' });
    expect(parse('', {})).toEqual({ key: null, value: '' });
  });

  test('of key and value, cut at the first separator, of any length', () => {
    expect(parse('k\tv\tw', keyed)).toEqual({ key: 'k', value: 'v\tw' });
    expect(parse('ü=>v', { ...keyed, 'key.separator': '=>' })).toEqual({ key: 'ü', value: 'v' });
    expect(() => parse('kv', keyed)).toThrow('key.separator "\\t" not found');
  });

  test('of headers, key and value', () => {
    expect(parse('a:1,b:2:3,a:4\tk\tv', full)).toEqual({
      key: 'k',
      value: 'v',
      headers: [
        { key: 'a', value: '1' },
        { key: 'b', value: '2:3' },
        { key: 'a', value: '4' },
      ],
    });
    expect(parse('\tk\tv', full)).toEqual({ key: 'k', value: 'v', headers: [] });
    expect(() => parse('a\tk\tv', full)).toThrow('headers.key.separator ":" not found in "a"');
  });

  test('with nulls where the marker stands', () => {
    expect(parse('-\t-', { ...keyed, 'null.marker': '-' })).toEqual({ key: null, value: null });
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
      { key: 'b', value: Buffer.from('2') },
      { key: 'a', value: null },
    ],
  };
  const format = (properties: Properties): Buffer => textFormatter(properties, flagOf(properties))(message);

  test('of its value alone, byte for byte, unless told otherwise', () => {
    expect(format({})).toEqual(Buffer.from([0xff, 0x61, 0x0a]));
  });

  test('of all columns in Kafka’s order', () => {
    const names = ['key', 'headers', 'offset', 'partition', 'timestamp'].map((name) => [`print.${name}`, 'true']);
    const properties = {
      ...Object.fromEntries(names),
      'print.value': 'false',
      'null.literal': 'NULL',
      'key.separator': ' ',
    };
    expect(String(format({ ...properties, 'line.separator': ';' }))).toBe(
      'CreateTime:1700000000000 Partition:3 Offset:14 a:1,b:2,a:NULL NULL;',
    );
  });
});
