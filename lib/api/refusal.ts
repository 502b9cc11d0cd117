// Refusing a value: every refusal reads `<field>: expected <what>, got <value>`.
import { type ErrorCode, RivuletError } from './errors.ts';

const SHOWN_CHARACTERS = 80;

/** A request that is refused before anything was written. */
export function refused(
  errorCode: ErrorCode,
  detail: string,
  extra: Readonly<Record<string, string | number>> = {},
): RivuletError {
  return new RivuletError(errorCode, detail, { outcome: 'not-written', extra: { ...extra } });
}

export const invalid = (detail: string): RivuletError => refused('INVALID_REQUEST', detail);

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

export const elements = (count: number | bigint): string => `${count} ${count === 1 ? 'element' : 'elements'}`;

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return elements(value.length);
  const text = JSON.stringify(value);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS).toWellFormed()}...` : text;
}
