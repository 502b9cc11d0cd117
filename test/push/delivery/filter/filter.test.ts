import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileFilter } from '../../../../lib/push/delivery/filter/filter.ts';
import { recordOf } from '../records.ts';

const filter = (...patterns: unknown[]) =>
  compileFilter({ filters: patterns.map((pattern) => ({ pattern: JSON.stringify(pattern) })) });
const delivers = (pattern: unknown, value: unknown) =>
  filter({ value: pattern })(recordOf({ text: JSON.stringify(value) }));

describe('rules', () => {
  const order = {
    id: 'AB1234',
    currency: 'EUR',
    total: 42.5,
    note: '',
    tags: ['new', 'gift'],
    paid: true,
    refund: null,
  };
  test.each([
    [{ currency: ['EUR'] }, true],
    [{ currency: ['USD', 'EUR'] }, true],
    [{ currency: ['USD'] }, false],
    [{ currency: ['eur'] }, false],
    [{ currency: ['EUR'], total: [42.5] }, true],
    [{ currency: ['EUR'], total: ['42.5'] }, false],
    [{ paid: [true] }, true],
    [{ paid: ['true'] }, false],
    [{ refund: [null] }, true],
    [{ note: [''] }, true],
    [{ missing: [null] }, false],
    [{ missing: [''] }, false],
    [{ missing: [{ exists: false }] }, true],
    [{ missing: [{ exists: true }] }, false],
    [{ note: [{ exists: true }] }, true],
    [{ id: [{ prefix: 'AB' }] }, true],
    [{ id: [{ prefix: 'ab' }] }, false],
    [{ id: [{ prefix: { 'equals-ignore-case': 'ab' } }] }, true],
    [{ id: [{ suffix: '34' }] }, true],
    [{ id: [{ suffix: { 'equals-ignore-case': 'B1234' } }] }, true],
    [{ id: [{ 'equals-ignore-case': 'ab1234' }] }, true],
    [{ total: [{ prefix: '4' }] }, false],
    [{ currency: [{ 'anything-but': 'USD' }] }, true],
    [{ currency: [{ 'anything-but': ['USD', 'EUR'] }] }, false],
    [{ missing: [{ 'anything-but': 'USD' }] }, false],
    [{ id: [{ 'anything-but': { prefix: 'AB' } }] }, false],
    [{ id: [{ 'anything-but': { suffix: 'AB' } }] }, true],
    [{ id: [{ 'anything-but': { 'equals-ignore-case': 'ab1234' } }] }, false],
    [{ total: [{ numeric: ['>', 40, '<=', 42.5] }] }, true],
    [{ total: [{ numeric: ['=', 42] }] }, false],
    [{ total: [{ numeric: ['<', 42.5] }] }, false],
    [{ currency: [{ numeric: ['>', 0] }] }, false],
    [{ tags: ['gift'] }, true],
    [{ tags: ['old'] }, false],
    [{ tags: [{ exists: true }] }, true],
    [{ toString: [{ exists: true }] }, false],
    [{ __proto__x: [{ exists: true }] }, false],
    [{ $or: [{ currency: ['USD'] }, { total: [{ numeric: ['>', 40] }] }] }, true],
    [{ $or: [{ currency: ['USD'] }, { total: [{ numeric: ['<', 40] }] }] }, false],
    [{ paid: [false], $or: [{ currency: ['EUR'] }, { total: [1] }] }, false],
  ])('%j: %s', (pattern, expected) => expect(delivers(pattern, order)).toBe(expected));

  test('a member named __proto__ is an ordinary one', () => {
    const wanted = compileFilter({ filters: [{ pattern: '{"value":{"__proto__":["x"]}}' }] });
    expect(wanted(recordOf({ text: '{"__proto__":"x"}' }))).toBe(true);
    expect(wanted(recordOf({ text: '{}' }))).toBe(false);
  });

  test('an array of objects is met by an element that meets all members together', () => {
    const lines = {
      lines: [
        { sku: 'a', count: 1 },
        { sku: 'b', count: 2 },
      ],
    };
    expect(delivers({ lines: { sku: ['b'], count: [2] } }, lines)).toBe(true);
    expect(delivers({ lines: { sku: ['a'], count: [2] } }, lines)).toBe(false);
  });
});

describe('records', () => {
  test('one filter of several is enough', () => {
    const wanted = filter({ value: { a: [1] } }, { value: { a: [2] } });
    expect([1, 2, 3].map((a) => wanted(recordOf({ text: JSON.stringify({ a }) })))).toEqual([true, true, false]);
  });

  test('a pattern for value and key needs both', () => {
    const wanted = filter({ value: { a: [1] }, key: ['ada'] });
    expect(wanted(recordOf({ text: '{"a":1}', key: Buffer.from('ada') }))).toBe(true);
    expect(wanted(recordOf({ text: '{"a":1}', key: Buffer.from('eve') }))).toBe(false);
    expect(wanted(recordOf({ text: '{"a":1}' }))).toBe(false);
  });

  test.each([
    ['error', true],
    ['fine', false],
    ['{"a":"error"}', false],
  ])('a pattern of rules is for texts: %s', (text, expected) =>
    expect(filter({ value: ['error'] })(recordOf({ text }))).toBe(expected),
  );

  test('a text does not meet a pattern of members, and bytes that are no text meet none', () => {
    expect(filter({ value: { a: [{ exists: false }] } })(recordOf({ text: 'a' }))).toBe(false);
    expect(filter({ value: { a: [{ exists: false }] } })(recordOf({ text: '{"a":' }))).toBe(false);
    for (const pattern of [{ a: [{ exists: false }] }, [{ 'anything-but': 'x' }]])
      expect(filter({ value: pattern })(recordOf({ value: Buffer.from([0xff]) }))).toBe(false);
  });

  test('a record without a value has nothing there', () => {
    expect(filter({ value: [{ exists: false }] })(recordOf())).toBe(true);
    expect(filter({ value: [{ 'anything-but': 'x' }] })(recordOf())).toBe(false);
    expect(filter({ value: { a: [{ exists: false }] } })(recordOf())).toBe(false);
  });

  test('whatever the bytes are, it returns', () => {
    const wanted = filter(
      { value: { a: { b: [1, { prefix: 'x' }] }, $or: [{ c: [1] }, { d: [2] }] } },
      { value: [''] },
    );
    const json = fc.anything().map((value) => Buffer.from(JSON.stringify(value) ?? ''));
    fc.assert(
      fc.property(fc.oneof(json, fc.uint8Array()), (value) => typeof wanted(recordOf({ value })) === 'boolean'),
    );
    const deep = recordOf({ text: `{"a":${'['.repeat(1_000_000)}` });
    expect(wanted(deep)).toBe(false);
  });
});

describe('a pattern is refused', () => {
  const refused = (pattern: string) => expect(() => compileFilter({ filters: [{ pattern }] }));
  test.each([
    ['', 'expected JSON'],
    ['{', 'expected JSON'],
    ['[]', 'expected an object with the members value, key or both'],
    ['{}', 'expected an object with the members value, key or both'],
    ['{"topic":["orders"]}', 'expected an object with the members value, key or both'],
    ['{"value":"EUR"}', 'pattern.value: expected a list of rules'],
    ['{"value":{}}', 'pattern.value: expected a list of rules'],
    ['{"value":{"a":1}}', 'pattern.value.a: expected a list of rules'],
    ['{"value":{"a":[]}}', 'pattern.value.a: expected at least one rule'],
    ['{"value":{"a":[[1]]}}', 'pattern.value.a[0]: expected a value'],
    ['{"value":{"a":[{"wildcard":"*"}]}}', 'pattern.value.a[0]: expected a value'],
    ['{"value":{"a":[{"prefix":1}]}}', 'pattern.value.a[0]: expected a value'],
    ['{"value":{"a":[{"prefix":"a","suffix":"b"}]}}', 'pattern.value.a[0]: expected a value'],
    ['{"value":{"a":[{"exists":"yes"}]}}', 'pattern.value.a[0].exists: expected true or false'],
    ['{"value":{"a":[{"anything-but":[]}]}}', 'pattern.value.a[0]: expected a value'],
    ['{"value":{"a":[{"anything-but":{"numeric":[">",1]}}]}}', 'pattern.value.a[0]: expected a value'],
    ['{"value":{"a":[{"numeric":[">"]}]}}', 'pattern.value.a[0]: expected a value'],
    ['{"value":{"a":[{"numeric":["!=",1]}]}}', 'pattern.value.a[0]: expected a value'],
    ['{"value":{"a":[{"numeric":["toString",1]}]}}', 'pattern.value.a[0]: expected a value'],
    ['{"value":{"$or":[{"a":[1]}]}}', '$or"]: expected at least two objects'],
    ['{"value":{"$or":[{"a":[1]},1]}}', '$or"][1]: expected an object'],
  ])('%s', (pattern, message) => refused(pattern).toThrow(message));

  test('of more than 4,096 characters', () =>
    refused(`{"value":["${'x'.repeat(4_085)}"]}`).toThrow('expected at most 4096 characters, got 4099'));

  test('as the sixth, and with more rules than an array in a record may meet', () => {
    const one = { pattern: '{"value":["x"]}' };
    expect(() => compileFilter({ filters: [] })).toThrow(
      'filterCriteria.filters: expected 1 to 5 filters, got 0 elements',
    );
    expect(() => compileFilter({ filters: Array(6).fill(one) })).toThrow('expected 1 to 5 filters, got 6 elements');
    const many = { pattern: JSON.stringify({ value: { $or: Array(51).fill({ a: ['x'] }) } }) };
    expect(() => compileFilter({ filters: [many] })).toThrow('at most 50 rules and lists of rules in all, got 51');
  });
});

test('the time grows with the elements of a value times the rules, and no faster', () => {
  const rules = Array.from({ length: 49 }, (_, at) => ({ prefix: `p${at}` }));
  const wanted = filter({ value: { a: rules } });
  const record = recordOf({ text: JSON.stringify({ a: Array(200_000).fill('q') }) });
  const begun = performance.now();
  expect(wanted(record)).toBe(false);
  expect(performance.now() - begun).toBeLessThan(10_000);
});
