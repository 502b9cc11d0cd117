// Half surrogates in a JSON body: JSON can write them (`\ud800`), UTF-8 cannot hold them. Refused wherever they stand, so that
// no string that comes from outside is stored as another one.

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

/** The path is made on the way back: most bodies have nothing to find. */
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
