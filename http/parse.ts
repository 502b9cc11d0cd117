// Input against a schema: the value, or an INVALID_REQUEST that names the field, what was expected and what came instead.
//
// Invariant: every refusal reads `<field>: expected <what>, got <value>`. A schema's own message is the <what>; where it has
// none, the limit that was broken is told here. zod's own sentences reach nobody.
import type * as z from 'zod';
import { type ErrorCode, RivuletError } from '../lib/api/errors.ts';

const SHOWN_CHARACTERS = 80;

/** `where` is the part of the request: body, query, path, header. */
export function parse<Schema extends z.ZodType>(schema: Schema, input: unknown, where: string): z.output<Schema> {
  const result = schema.safeParse(input, { error: expectation });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue?.code === 'unrecognized_keys') throw unknownKey(issue, where);
  const path = issue?.path ?? [];
  throw unexpected(fieldName(where, path), issue?.message ?? '', valueAt(input, path), errorCodeOf(issue));
}

export function unexpected(
  field: string,
  expected: string,
  value: unknown,
  errorCode: ErrorCode = 'INVALID_REQUEST',
): RivuletError {
  return new RivuletError(errorCode, `${field}: expected ${expected}, got ${shown(value)}`, { extra: { field } });
}

/** For example `body.records[3].headers[0].name`; names that are not plain stand in quotes, and long ones are cut. */
export function fieldName(where: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>((name, key) => name + stepName(key), where);
}

function stepName(key: PropertyKey): string {
  if (typeof key === 'number') return `[${key}]`;
  return /^[\w.-]{1,80}$/.test(String(key)) ? `.${String(key)}` : `[${shown(String(key))}]`;
}

/** Where the schema says nothing itself. */
function expectation(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeName(issue.expected === 'record' ? 'object' : issue.expected); // A record is something else here.
    case 'too_small':
      return `at least ${elements(issue.minimum)}`;
    case 'too_big':
      return `at most ${elements(issue.maximum)}`;
    default:
      return 'another value';
  }
}

const typeName = (type: string): string => `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`;
const elements = (count: number | bigint): string => `${count} ${count === 1 ? 'element' : 'elements'}`;

function unknownKey({ path, keys }: z.core.$ZodIssueUnrecognizedKeys, where: string): RivuletError {
  const field = fieldName(where, [...path, keys[0] ?? '']);
  return new RivuletError('INVALID_REQUEST', `${field}: there is no such field`, { extra: { field } });
}

/** A schema may name another code for a breach: `refine(..., {params: {errorCode}})`. */
function errorCodeOf(issue: z.core.$ZodIssue | undefined): ErrorCode | undefined {
  return issue?.code === 'custom' ? (issue.params?.errorCode as ErrorCode | undefined) : undefined;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], input);
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return elements(value.length);
  const text = JSON.stringify(value);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS).toWellFormed()}...` : text;
}
