import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson } from '../../lib/json/text.ts';

describe('half of a surrogate pair', () => {
  it.each([
    [String.raw`"\ud800"`, 'body: expected text in valid Unicode, got a lone surrogate at character 1'],
    [
      String.raw`{"records":[{},{"value":"naïve\udc00"}]}`,
      'body.records[1].value: expected text in valid Unicode, got a lone surrogate at character 6',
    ],
    [
      String.raw`{"a":["😀\uD83D\ude00x\uDE00"]}`,
      'body.a[0]: expected text in valid Unicode, got a lone surrogate at character 4',
    ],
    [
      String.raw`{"a\udfff":1}`,
      'body["a\\udfff"]: expected text in valid Unicode, got a lone surrogate at character 2',
    ],
    [
      String.raw`{"a":{"b":"\ud800\ud800\udc00"}}`,
      'body.a.b: expected text in valid Unicode, got a lone surrogate at character 1',
    ],
  ])('is refused by name: %s', (text, message) => {
    expect(() => parseJson(text)).toThrow(message);
    expect(() => parseJson(Buffer.from(text))).toThrow(message);
  });

  it.each([String.raw`"\ud83d\ude00"`, String.raw`"\\ud800"`, '"😀"', String.raw`{"\ud83d\ude00":"\uD83D\uDE00"}`])(
    'is not found in %s',
    (text) => expect(parseJson(text)).toEqual(JSON.parse(text)),
  );

  it('is looked for in linear time: an array is not listed as names', () => {
    const lists = Array(200_000).fill('[]').join(',');
    expect(parseJson(`["\\ud83d\\ude00",${lists}]`)).toHaveLength(200_001);
    expect(() => parseJson(`[${lists},"\\ud83d"]`)).toThrow('body[200000]: expected text in valid Unicode');
  });

  it('is found wherever it stands', () => {
    const unit = fc.constantFrom('a', '\ud800', '\udc00', '😀', '\\');
    const value = fc.jsonValue({ maxDepth: 4, stringUnit: unit });
    const isValid = (one: unknown): boolean => {
      if (typeof one === 'string') return one.isWellFormed();
      if (typeof one !== 'object' || one === null) return true;
      return Object.entries(one).every(([name, member]) => name.isWellFormed() && isValid(member));
    };
    const isTaken = (text: string): boolean => {
      try {
        parseJson(text);
        return true;
      } catch {
        return false;
      }
    };
    fc.assert(fc.property(value, (one) => void expect(isTaken(JSON.stringify(one))).toBe(isValid(one))));
  });
});
