// This file refuses half surrogates in a JSON body: JSON can write them (`\ud800`), but UTF-8 cannot hold them. They are
// refused everywhere, so that no string from outside is stored as another one.

import { RivuletError } from '../api/errors.ts';
import { fieldName } from '../api/refusal.ts';
import { whyNotUnicode } from '../bytes/unicode.ts';

type Found = { readonly path: readonly (string | number)[]; readonly reason: string };

/** Throws INVALID_REQUEST naming the first string or member name that is not valid Unicode. */
export function checkUnicode(value: unknown, where: string): void {
  const found = findIn(value);
  if (found === undefined) return;
  const field = fieldName(where, found.path);
  throw new RivuletError('INVALID_REQUEST', `${field}: ${found.reason}`, { extra: { field } });
}

/** Builds the path on the way back, because most bodies have nothing to find. */
function findIn(value: unknown): Found | undefined {
  if (typeof value === 'string') return here(value);
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, member] of Object.entries(value)) {
    const found = here(key) ?? findIn(member);
    if (found) return { path: [Array.isArray(value) ? Number(key) : key, ...found.path], reason: found.reason };
  }
  return undefined;
}

function here(text: string): Found | undefined {
  const reason = whyNotUnicode(text);
  return reason === undefined ? undefined : { path: [], reason };
}
