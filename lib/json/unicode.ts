// This file refuses half surrogates in a JSON body: JSON can write them (`\ud800`), but UTF-8 cannot hold them. They are
// refused everywhere, so that no string from outside is stored as another one.

import { RivuletError } from '../api/errors.ts';
import { fieldName } from '../api/refusal.ts';
import { whyNotUnicode } from '../bytes/unicode.ts';

type Found = { readonly path: readonly (string | number)[]; readonly reason: string };

/** Throws INVALID_REQUEST naming the first string or member name that is not valid Unicode. `value` is what `text` says. */
export function checkUnicode(value: unknown, text: string, where: string): void {
  const found = escapesHalf(text) ? findIn(value) : undefined;
  if (found === undefined) return;
  const field = fieldName(where, found.path);
  throw new RivuletError('INVALID_REQUEST', `${field}: ${found.reason}`, { extra: { field } });
}

const HIGH = /^\\u[dD][89abAB]/;
const LOW = /^\\u[dD][c-fC-F]/;
const escapeLength = '\\ud800'.length;

/** Finds an escape of half a pair without the other half. A walk through the value costs far more, and few bodies need it. */
function escapesHalf(text: string): boolean {
  for (let at = text.indexOf('\\'); at >= 0; at = text.indexOf('\\', at)) {
    const isSurrogate = text[at + 1] === 'u' && (text[at + 2] === 'd' || text[at + 2] === 'D') && text[at + 3]! > '7';
    if (!isSurrogate) at += 2;
    else if (isPair(text.slice(at, at + 2 * escapeLength))) at += 2 * escapeLength;
    else return true;
  }
  return false;
}

const isPair = (escapes: string): boolean => HIGH.test(escapes) && LOW.test(escapes.slice(escapeLength));

/** Builds the path on the way back. Arrays are walked by index, because a list of entries would make a string for each. */
function findIn(value: unknown): Found | undefined {
  if (typeof value === 'string') return here(value);
  if (typeof value !== 'object' || value === null) return undefined;
  if (Array.isArray(value)) return first(value.length, (at) => below(at, findIn(value[at])));
  const members = value as Readonly<Record<string, unknown>>;
  const names = Object.keys(members);
  return first(names.length, (at) => below(names[at]!, here(names[at]!) ?? findIn(members[names[at]!])));
}

function first(count: number, find: (at: number) => Found | undefined): Found | undefined {
  for (let at = 0; at < count; at++) {
    const found = find(at);
    if (found) return found;
  }
  return undefined;
}

const below = (step: string | number, found: Found | undefined): Found | undefined =>
  found && { path: [step, ...found.path], reason: found.reason };

function here(text: string): Found | undefined {
  const reason = whyNotUnicode(text);
  return reason === undefined ? undefined : { path: [], reason };
}
