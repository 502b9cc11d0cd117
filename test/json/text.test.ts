import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../../lib/api/limits.ts';
import { measureJson, parseJson } from '../../lib/json/text.ts';

const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;

describe('parseJson', () => {
  it('reads what JSON.parse reads, from text and from bytes', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        expect(JSON.stringify(parseJson(text))).toBe(JSON.stringify(parseJson(Buffer.from(text))));
        expect(JSON.parse(JSON.stringify(parseJson(text)))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('takes the allowed depth and refuses the next, naming limit and value', () => {
    expect(() => parseJson(nested(limits.jsonDepth))).not.toThrow();
    expect(() => parseJson(nested(limits.jsonDepth + 1))).toThrow('body: expected at most 32 nested levels, got 33');
  });

  it('refuses a depth that would exhaust a stack', () => {
    expect(() => parseJson('{"a":'.repeat(200_000))).toThrow('got 200000');
  });

  it('does not count brackets inside strings, also behind escaped quotes', () => {
    const text = JSON.stringify({ a: '["\\'.repeat(100) });
    expect(measureJson(text).depth).toBe(1);
    expect(parseJson(text)).toEqual(JSON.parse(text));
  });

  it.each(['1e400', '12345678901234567890', '0.12345678901234567', '-1E5', '100000000000000000000'])(
    'keeps every digit of %s',
    (number) => {
      expect(JSON.stringify(parseJson(`{"a":${number}}`))).toBe(`{"a":${number}}`);
    },
  );

  it('writes a number in the same way whatever numbers stand beside it', () => {
    expect(JSON.stringify(parseJson('[1.50]'))).toBe('[1.5]');
    expect(JSON.stringify(parseJson('[1.50,12345678901234567890]'))).toBe('[1.5,12345678901234567890]');
  });

  it('keeps digits in every place, and text that looks like a number as text', () => {
    const text = '{"1e5":[1e5,"1e5",{"__proto__":2e5}],"b":-0.10e-0}';
    expect(JSON.stringify(parseJson(text))).toBe(text);
  });

  it.each(['{1e5:1}', '[1e5 1e5]', '[01e5]', '[1e]', '[-1e5.5]', '"1e5"1e5'])('refuses %s as it was sent', (text) => {
    expect(() => parseJson(text)).toThrow(/^body: not valid JSON: (?!.*-.*-.*-.*-)/);
  });

  it('quotes what stands around a mistake, but no token: an error is shown and logged', () => {
    const quoted = '{"transaction":1,"partition":a1b2c3d4e5}';
    expect(() => parseJson(quoted)).toThrow(/:a1b2/);
    const token = 'a1b2c3d4e5f6g7h8i9j0_-';
    for (const text of [
      `{"token":${token}}`,
      `{"transaction":1,"token":${token}}`,
      `{"token":'${token}'}`,
      `{token:${token}}`,
    ])
      expect(() => parseJson(text)).toThrow(/^body: not valid JSON: (?!.*1b2).*/);
    for (const text of [`{"token":1e5,"transaction":${token}}`, `{"token":"${token}","transaction":x}`])
      expect(() => parseJson(text)).toThrow(/^body: not valid JSON: (?!.*1b2|.*j0_).*/);
  });

  it('bounds how many numbers keep their digits', () => {
    const list = (count: number) => `[${Array(count).fill('1e1').join(',')}]`;
    expect(parseJson(list(limits.jsonLongNumbers))).toHaveLength(limits.jsonLongNumbers);
    expect(() => parseJson(list(limits.jsonLongNumbers + 1))).toThrow(
      'body: expected at most 50000 numbers of more than 15 digits or with an exponent (jsonLongNumbers), got more',
    );
  });

  it('bounds how many different names there are, wherever they stand', () => {
    const names = (count: number) => Array.from({ length: count }, (_, i) => `"k${i}" :":"`);
    const refusal = 'body: expected at most 20000 different names of members (jsonNames), got more';
    expect(Object.keys(parseJson(`{${names(limits.jsonNames)}}`) as object)).toHaveLength(limits.jsonNames);
    expect(() => parseJson(`{${names(limits.jsonNames + 1)}}`)).toThrow(refusal);
    expect(() => parseJson(`[${names(limits.jsonNames + 1).map((member) => `{${member}}`)}]`)).toThrow(refusal);
  });

  it('takes ten thousand records of five headers each', () => {
    const header = (i: number) => ({ name: `h${i}`, value: 'v' });
    const records = Array(limits.jsonRecords).fill({ key: 'k', value: 'v', headers: [1, 2, 3, 4, 5].map(header) });
    expect(parseJson(JSON.stringify({ records }))).toEqual({ records });
  });

  it('leaves the greatest offset a number', () => {
    expect(parseJson('[9007199254740991]')).toEqual([Number.MAX_SAFE_INTEGER]);
  });

  it.each([
    ['invalid UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'body: expected text in UTF-8, got other bytes'],
    [
      'a surrogate in UTF-8',
      Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]),
      'body: expected text in UTF-8, got other bytes',
    ],
    ['no JSON', 'NaN', 'body: not valid JSON'],
    ['nothing', '', 'body: expected JSON, got nothing'],
    ['a string without end', '"abc', 'body: not valid JSON'],
    ['brackets that close nothing', ']]]', 'body: not valid JSON'],
  ])('refuses %s', (_, body, message) => {
    expect(() => parseJson(body)).toThrow(message);
  });

  it('takes the last of two members with the same name', () => {
    expect(parseJson('{"a":1,"a":2}')).toEqual({ a: 2 });
  });

  it('makes a member named __proto__ a member like any other', () => {
    const value = parseJson('{"__proto__":{"polluted":true}}') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(value.polluted).toBeUndefined();
  });
});
