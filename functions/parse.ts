// Input against a schema: the value, or an INVALID_REQUEST that names the field, the rule and what came instead.
import type * as z from 'zod';
import { type ErrorCode, RivuletError } from '../lib/errors.ts';

const SHOWN_CHARACTERS = 80;

/** `where` is the part of the request: body, query, path, header. */
export function parse<Schema extends z.ZodType>(schema: Schema, input: unknown, where: string): z.output<Schema> {
  const result = schema.safeParse(input, { error: wrongType });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue === undefined) throw new RivuletError('INVALID_REQUEST', `${where} is not valid`);
  throw refusal(issue, input, where);
}

/** In our words where the schema has none of its own: what came instead is said by `refusal`. */
function wrongType(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== 'invalid_type') return undefined;
  const type = issue.expected === 'record' ? 'object' : issue.expected; // A record is something else here.
  return `must be ${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`;
}

function refusal(issue: z.core.$ZodIssue, input: unknown, where: string): RivuletError {
  if (issue.code === 'unrecognized_keys') return unknownKey(issue, where);
  const field = fieldName(where, issue.path);
  const detail = `${field}: ${issue.message}, got ${shown(valueAt(input, issue.path))}`;
  return new RivuletError(errorCodeOf(issue), detail, { extra: { field } });
}

function unknownKey(issue: z.core.$ZodIssueUnrecognizedKeys, where: string): RivuletError {
  const field = fieldName(where, [...issue.path, issue.keys[0] ?? '']);
  return new RivuletError('INVALID_REQUEST', `${field}: there is no such field`, { extra: { field } });
}

/** A schema may name another code for a breach: `refine(..., {params: {errorCode}})`. */
function errorCodeOf(issue: z.core.$ZodIssue): ErrorCode {
  const code = issue.code === 'custom' ? issue.params?.errorCode : undefined;
  return (code as ErrorCode | undefined) ?? 'INVALID_REQUEST';
}

/** For example `body.records[3].headers[0].name`. */
function fieldName(where: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>((name, key) => name + (typeof key === 'number' ? `[${key}]` : `.${String(key)}`), where);
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], input);
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `${value.length} elements`;
  const text = JSON.stringify(value);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
}
