// This file checks input against a schema. It returns the value, or throws an INVALID_REQUEST that names the field, what was
// expected and what came instead.
//
// Invariant: every refusal reads `<field>: expected <what>, got <value>`. A schema's own message is the <what>. If the
// schema has none, this file names the limit that was broken. zod's own sentences never reach a client.
import type * as z from 'zod';
import { type ErrorCode, RivuletError } from '../lib/api/errors.ts';
import { elements, fieldName, unexpected } from '../lib/api/refusal.ts';

/** `where` is the part of the request: body, query, path, header. `show` is how a refusal spells the value. */
export function parse<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  where: string,
  show: (value: unknown) => unknown = (value) => value,
): z.output<Schema> {
  const result = schema.safeParse(input, { error: expectation });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue?.code === 'unrecognized_keys') throw unknownKey(issue, where);
  const path = issue?.path ?? [];
  const value = path.includes('token') ? withoutSecret(valueAt(input, path)) : show(valueAt(input, path));
  throw unexpected(fieldName(where, path), issue?.message ?? '', value, errorCodeOf(issue));
}

/** An error is shown and logged, and a token with a slip may be the right one. */
export const withoutSecret = (value: unknown): unknown =>
  typeof value === 'string' ? `${value.length} characters` : value === undefined ? undefined : typeName(typeof value);

/** The message for a schema that has none of its own. */
function expectation(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeName(issue.expected === 'record' ? 'object' : issue.expected); // "Record" has another meaning in this API.
    case 'too_small':
      return `at least ${elements(issue.minimum)}`;
    case 'too_big':
      return `at most ${elements(issue.maximum)}`;
    default:
      return 'another value';
  }
}

const typeName = (type: string): string => `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`;

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
