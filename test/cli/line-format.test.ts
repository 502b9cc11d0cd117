import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { envelopeOf, messageOfEnvelope } from '../../cli/envelopes.ts';
import { formatParser, formatPrinter } from '../../cli/line-format.ts';
import type { ConsumedMessage } from '../../client/message.ts';

const message: ConsumedMessage = {
  ...{ topic: 'orders', partition: 2, offset: 7, timestamp: 9 },
  key: Buffer.from('k'),
  value: Buffer.from('väl'),
  headers: [
    { key: 'a', value: Buffer.from('1') },
    { key: 'b', value: null },
  ],
};

describe('-f prints', () => {
  const printed = (format: string, of = message, properties = {}) => formatPrinter(format, properties)(of).toString();

  test('every field, text and escapes', () => {
    expect(printed('%t/%p@%o %T %k=%s %K %S %h 100%%\\t\\x41\\\\\\n')).toBe(
      'orders/2@7 9 k=väl 1 4 a=1,b= 100%\tA\\\n',
    );
  });

  test('nulls as nothing with length -1, or as null.literal', () => {
    const tombstone = { ...message, key: null, value: null, headers: [] };
    expect(printed('[%k|%s|%K|%S|%h]', tombstone)).toBe('[||-1|-1|]');
    expect(printed('%s', tombstone, { 'null.literal': 'NULL' })).toBe('NULL');
  });

  test.each(['%q', '%', '\\q', '\\'])('no %s', (format) => expect(() => printed(format)).toThrow(/^-f: expected/));
});

describe('-f reads', () => {
  const read = (format: string, line: string) => formatParser(format)(Buffer.from(line));

  test('fields between texts; the last one takes the rest', () => {
    expect(read('%p|%T|%h|%k: %s', '3|9|a=1,b,c=x=y|key: a: b')).toEqual({
      ...{ partition: 3, timestamp: 9, key: Buffer.from('key'), value: Buffer.from('a: b') },
      headers: [
        { key: 'a', value: Buffer.from('1') },
        { key: 'b', value: null },
        { key: 'c', value: Buffer.from('x=y') },
      ],
    });
    expect(read('%s', 'all')).toEqual({ key: null, value: Buffer.from('all') });
  });

  test.each([
    ['%k,%s', 'ab', '-f: expected ",", got "ab"'],
    ['<%s>', '<a>b', '-f: expected the end of the line, got "b"'],
    ['<%s', '', '-f: expected "<", got the end of the line'],
    ['%p:%s', 'x:1', '%p: expected a whole number from 0 to 9007199254740991, got "x"'],
  ])('%s, but not %s', (format, line, error) => expect(() => read(format, line)).toThrow(error));

  test.each([
    ['%k%s', '-f: expected a text between %k and %s, got none'],
    ['%s,%s', '-f: expected each field once, got %s twice'],
    ['%o', '-f: expected one of %k %s %p %T %h %%, got %o'],
  ])('no format %s', (format, error) => expect(() => formatParser(format)).toThrow(error));

  test('what it has printed, where no field holds the text between', () => {
    const bytes = fc.uint8Array().map((all) => Buffer.from(all.filter((byte) => byte !== 9)));
    fc.assert(
      fc.property(bytes, bytes, (key, value) => {
        const format = '%k\\t%s';
        const line = formatPrinter(format, {})({ ...message, key, value });
        expect(formatParser(format)(line)).toEqual({ key, value });
      }),
    );
  });
});

describe('an envelope', () => {
  test('has the fields of kcat', () => {
    expect(JSON.parse(envelopeOf(message))).toEqual({
      ...{ topic: 'orders', partition: 2, offset: 7, tstype: 'create', ts: 9 },
      ...{ headers: ['a', '1', 'b', null], key: 'k', payload: 'väl' },
    });
  });

  test('is read back as the same bytes', () => {
    const bytes = fc.option(fc.uint8Array().map((all) => Buffer.from(all)));
    const headers = fc.array(fc.record({ key: fc.string({ unit: 'grapheme' }), value: bytes }), { maxLength: 3 });
    fc.assert(
      fc.property(bytes, bytes, headers, (key, value, all) => {
        const line = Buffer.from(envelopeOf({ ...message, key, value, headers: all }));
        const expected = { key, value, partition: 2, timestamp: 9, ...(all.length > 0 && { headers: all }) };
        expect(messageOfEnvelope(line)).toEqual(expected);
      }),
    );
  });

  test.each([
    ['[]', 'expected a JSON object'],
    ['{"payload":{}}', 'payload: expected text or null, got {}'],
    ['{"payload":"?","payload_encoding":"base64"}', 'payload: expected base64, got "?"'],
    ['{"headers":["a"]}', 'headers: expected a list of names and values'],
    ['{"headers":[1,"x"]}', 'headers: expected a name, got 1'],
    ['{"partition":-1}', 'partition: expected a whole number'],
  ])('%s is refused', (line, error) => expect(() => messageOfEnvelope(Buffer.from(line))).toThrow(error));
});
