// Lambda's filter criteria for Kafka: which records are delivered at all. A pattern is for the record's `value`, its `key`, or
// both: `{"value": {"currency": ["EUR"]}}`. A record is delivered if it meets one of the patterns.
// https://docs.aws.amazon.com/lambda/latest/dg/kafka-filtering.html
//
// Invariant: a pattern of rules is for texts, and a pattern of members is for JSON objects and arrays. A record of the other
// form does not meet it, and neither do bytes that are not UTF-8. This is Lambda's rule.
import { limits } from '../../../api/limits.ts';
import type { FilterCriteria, PushRecord } from '../../../api/push.ts';
import { fieldName, unexpected } from '../../../api/refusal.ts';
import { isWithinLimits } from '../../../json/text.ts';
import { compilePattern, costOf, type Matches } from './pattern.ts';

type RecordFilter = (record: PushRecord) => boolean;

/**
 * Throws INVALID_REQUEST. The function that it returns never throws.
 *
 *     const wanted = compileFilter({ filters: [{ pattern: '{"value":{"total":[{"numeric":[">",100]}]}}' }] });
 *     records.filter(wanted);
 */
export function compileFilter({ filters }: FilterCriteria, field = 'filterCriteria'): RecordFilter {
  if (filters.length === 0 || filters.length > limits.pushFilters)
    throw unexpected(`${field}.filters`, `1 to ${limits.pushFilters} filters`, filters);
  const compiled = filters.map(({ pattern }, at) => compileOne(pattern, fieldName(field, ['filters', at, 'pattern'])));
  // An array in a record may have millions of elements, and each is held against all rules of its place.
  const cost = filters.reduce((sum, { pattern }) => sum + costOf(JSON.parse(pattern)), 0);
  if (cost > limits.pushFilterRules)
    throw unexpected(`${field}.filters`, `at most ${limits.pushFilterRules} rules and lists of rules in all`, cost);
  return (record) => compiled.some((meets) => meets(record));
}

function compileOne(pattern: string, where: string): RecordFilter {
  if (pattern.length > limits.pushFilterLength)
    throw unexpected(where, `at most ${limits.pushFilterLength} characters`, pattern.length);
  const parsed = parsedPattern(pattern, where);
  const tests = Object.entries(parsed).map(([name, below]) => {
    if (name !== 'value' && name !== 'key')
      throw unexpected(where, 'an object with the members value, key or both', pattern);
    const meets = compilePattern(below, where, [name]);
    return Array.isArray(below) ? ofText(name, meets) : ofJson(name, meets);
  });
  if (tests.length === 0) throw unexpected(where, 'an object with the members value, key or both', pattern);
  return (record) => tests.every((test) => test(record));
}

function parsedPattern(pattern: string, where: string): object {
  let parsed: unknown;
  try {
    parsed = JSON.parse(pattern);
  } catch {
    throw unexpected(where, 'JSON', pattern);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw unexpected(where, 'an object with the members value, key or both', pattern);
  return parsed;
}

type Field = 'value' | 'key';

/** A record without the field has nothing there, which `{"exists": false}` finds. */
function ofText(field: Field, meets: Matches): RecordFilter {
  return ({ [field]: bytes }) => {
    if (bytes === null) return meets(undefined);
    const text = textOf(bytes);
    return text !== undefined && containerOf(text) === undefined && meets(text);
  };
}

function ofJson(field: Field, meets: Matches): RecordFilter {
  return ({ [field]: bytes }) => {
    const value = bytes && containerOf(textOf(bytes) ?? '');
    return value !== undefined && value !== null && meets(value);
  };
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The object or array that the text is. A text beyond the limits of JSON counts as text: its depth would cost stack. */
function containerOf(text: string): object | undefined {
  if (!/^[\t\n\r ]*[{[]/.test(text) || !isWithinLimits(text)) return undefined;
  try {
    return JSON.parse(text) as object;
  } catch {
    return undefined;
  }
}
