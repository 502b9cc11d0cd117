// Content negotiation: which of our media types the caller wants, and which one it sent.
// RFC 9110, 8.3 (Content-Type) and 12.5.1 (Accept).
import { unexpected } from '../lib/api/refusal.ts';

export const JSON_TYPE = 'application/json';
export const BYTES_TYPE = 'application/octet-stream';

/** Returns the type in `offered` that the Accept header prefers; the first one among equals. Throws NOT_ACCEPTABLE. */
export function acceptedType(accept: string | undefined, offered: readonly string[]): string {
  const ranges = (accept ?? '*/*').split(',').map(parseRange);
  const ranked = offered
    .map((type) => ({ type, range: bestRange(type, ranges) }))
    .filter(({ range }) => range !== undefined && range.quality > 0)
    .sort((a, b) => preference(b.range) - preference(a.range));
  if (ranked[0]) return ranked[0].type;
  throw unexpected('header.accept', `it to allow ${offered.join(' or ')}`, accept, 'NOT_ACCEPTABLE');
}

/** Returns the Content-Type without its parameters, if it is one of `known`. Throws UNSUPPORTED_MEDIA_TYPE. */
export function sentType(contentType: string | undefined, known: readonly string[]): string {
  const [type = '', ...parameters] = (contentType ?? '').toLowerCase().split(';');
  const plain = parameters.every((parameter) => /^\s*(charset\s*=\s*"?utf-8"?\s*)?$/.test(parameter));
  if (plain && known.includes(type.trim())) return type.trim();
  const expected = `${known.join(' or ')}, in UTF-8`;
  throw unexpected('header.content-type', expected, contentType, 'UNSUPPORTED_MEDIA_TYPE');
}

type MediaRange = { readonly pattern: string; readonly quality: number };

function parseRange(text: string): MediaRange {
  const [pattern = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith('q='));
  return { pattern, quality: weight === undefined ? 1 : Number(weight.slice(2)) || 0 };
}

/** The most specific range decides, even when it excludes the type: a wildcard together with `application/json;q=0`. */
function bestRange(type: string, ranges: readonly MediaRange[]): MediaRange | undefined {
  const wider = [type, `${type.split('/')[0]}/*`, '*/*'];
  return wider.map((pattern) => ranges.find((range) => range.pattern === pattern)).find((range) => range !== undefined);
}

/** The quality decides. Among equals, a named type comes before a wildcard. */
function preference(range: MediaRange | undefined): number {
  return range === undefined ? 0 : range.quality + (range.pattern.includes('*') ? 0 : 0.0001);
}
