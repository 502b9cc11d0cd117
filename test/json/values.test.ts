import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson } from '../../lib/json/text.ts';
import { bytesOfJson, jsonOfBytes } from '../../lib/json/values.ts';

const textOf = (value: unknown) => {
  const bytes = bytesOfJson(value, 'value');
  return bytes === null ? null : Buffer.from(bytes).toString();
};

describe('JSON to bytes', () => {
  it.each([
    [null, null],
    [undefined, null],
    ['', ''],
    ['naïve ☃', 'naïve ☃'],
    ['{"a":1}', '{"a":1}'],
    [5, '5'],
    [true, 'true'],
    [{ b: [1, null] }, '{"b":[1,null]}'],
    [{ type: 'string', data: 'x' }, 'x'],
    [{ type: 'json', data: 'x' }, '"x"'],
    [{ type: 'json', data: null }, 'null'],
    [{ type: 'binary', data: 'AP8=' }, Buffer.from([0, 255]).toString()],
  ])('%j', (value, text) => {
    expect(textOf(value)).toBe(text);
  });

  it.each([{ type: 'image', data: 'x' }, { type: 'string' }, { type: 'string', data: 'x', more: 1 }, { data: 'x' }])(
    'takes %j, which is not quite a typed value, as the JSON it is',
    (value) => {
      expect(textOf(value)).toBe(JSON.stringify(value));
    },
  );

  it('keeps the digits of numbers that a double does not hold', () => {
    expect(textOf(parseJson('{"amount":12345678901234567890.5}'))).toBe('{"amount":12345678901234567890.5}');
  });

  it.each([
    [{ type: 'string', data: 5 }, 'value.data: expected a string for type string, got 5'],
    [{ type: 'binary', data: null }, 'value.data: expected a string for type binary, got null'],
    [{ type: 'binary', data: 'AP8' }, 'value.data: expected padded base64 (RFC 4648, section 4), got'],
    [{ type: 'binary', data: 'AP 8=' }, 'value.data: expected padded base64 (RFC 4648, section 4), got'],
    [{ type: 'binary', data: 'A_8=' }, 'value.data: expected padded base64 (RFC 4648, section 4), got'],
  ])('refuses %j', (value, message) => {
    expect(() => bytesOfJson(value, 'value')).toThrow(message);
  });
});

describe('bytes to JSON', () => {
  it.each([
    ['plain', '"plain"'],
    ['', '""'],
    ['5', '"5"'],
    ['true', '"true"'],
    ['null', '"null"'],
    ['{"a":1}', '{"a":1}'],
    [' [1, 2] ', ' [1, 2] '],
    ['{"n":12345678901234567890}', '{"n":12345678901234567890}'],
    ['{broken', '"{broken"'],
    ['\ufeff[]', '"\ufeff[]"'],
  ])('%j', (text, json) => {
    expect(jsonOfBytes(Buffer.from(text))).toBe(json);
  });

  it('renders null as null, and bytes that are not UTF-8 as base64', () => {
    expect(jsonOfBytes(null)).toBe('null');
    expect(jsonOfBytes(Buffer.from([0, 255]))).toBe('{"type":"binary","data":"AP8="}');
  });

  it('renders JSON as a string when it is nested deeper than a request may be', () => {
    const deep = `${'['.repeat(33)}${']'.repeat(33)}`;
    expect(jsonOfBytes(Buffer.from(deep))).toBe(JSON.stringify(deep));
  });

  it('renders JSON of more names than a request may have as a string', () => {
    const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 20_001 }, (_, i) => [`k${i}`, i])));
    expect(jsonOfBytes(Buffer.from(wide))).toBe(JSON.stringify(wide));
  });

  it('always gives valid JSON', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void JSON.parse(jsonOfBytes(bytes))));
  });

  it('gives objects, arrays, strings and bytes back unchanged', () => {
    const value = fc.oneof(
      fc.array(fc.jsonValue({ maxDepth: 3 })),
      fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })),
      fc.string({ unit: fc.constantFrom('a', ' ', '"', '\\', '\n', 'é', '☃') }),
      fc.uint8Array({ minLength: 1 }).map((bytes) => ({
        type: 'binary',
        data: Buffer.from([0xff, ...bytes]).toString('base64'),
      })),
    );
    fc.assert(
      fc.property(value, (given) => {
        const json = jsonOfBytes(bytesOfJson(given, 'value'));
        expect(json).toBe(JSON.stringify(given));
      }),
    );
  });
});
