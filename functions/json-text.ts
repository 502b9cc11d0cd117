// JSON text from outside -> values, without trusting it: depth is bounded before anything recurses over it, and no
// number loses digits on its way into a record.
//
// Decisions: of a member that comes twice the last one counts (as ECMAScript's JSON.parse; nothing is authorised by a
// body, so there is nothing to smuggle). A number that a double might not hold exactly (1e400, 2^64) stays its text: inside
// a record's value it is stored as sent; where an offset or another integer is expected it is refused. All others are
// written as ECMAScript writes them: 1.50 is 1.5, whatever stands beside it.
import { RivuletError } from '../lib/errors.ts';
import { limits } from '../lib/limits.ts';
import { checkUnicode } from './unicode.ts';

/** Of UTF-8 bytes or of text. Throws RivuletError INVALID_REQUEST. */
export function parseJson(body: Uint8Array | string): unknown {
  // A gateway may decode the body, and leave the byte order mark that the decoder here drops.
  const text = typeof body === 'string' ? body.replace(/^\ufeff/, '') : decodeUtf8(body);
  const { depth, longNumbers } = measureJson(text);
  if (depth > limits.jsonDepth) throw refused(`expected at most ${limits.jsonDepth} nested levels, got ${depth}`);
  const value = parsed(text, longNumbers);
  if (/\\u[dD]/.test(text)) checkUnicode(value, 'body');
  return value;
}

function parsed(text: string, longNumbers: boolean): unknown {
  try {
    return longNumbers ? JSON.parse(text, keepDigits) : JSON.parse(text);
  } catch (error) {
    throw refused(
      text.trim() === '' ? 'expected JSON, got nothing' : `not valid JSON: ${(error as SyntaxError).message}`,
    );
  }
}

const [QUOTE, BACKSLASH, POINT, ZERO, NINE, LETTER_E] = [0x22, 0x5c, 0x2e, 0x30, 0x39, 0x65] as const;
const [BRACE, BRACE_END, BRACKET, BRACKET_END, LOWER_CASE] = [0x7b, 0x7d, 0x5b, 0x5d, 0x20] as const;

/** Brackets and braces open at once, at most; and whether there may be a number that a double does not hold exactly. */
export function measureJson(text: string): { depth: number; longNumbers: boolean } {
  let open = 0;
  let depth = 0;
  let digits = 0;
  let longNumbers = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at + 1);
    else if (code === BRACE || code === BRACKET) depth = Math.max(depth, ++open);
    else if (code === BRACE_END || code === BRACKET_END) open--;
    // A double holds any 15 digits; an exponent may lead out of its range.
    longNumbers ||= digits > 15 || (digits > 0 && (code | LOWER_CASE) === LETTER_E);
    if (code >= ZERO && code <= NINE) digits++;
    else if (code !== POINT) digits = 0;
  }
  return { depth, longNumbers: longNumbers || digits > 15 };
}

/** The position of the closing quote, or the end of the text. */
function endOfString(text: string, start: number): number {
  let at = start;
  while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}

// ES2026, in Node since 22; TypeScript's ES2024 library does not have them yet.
const { rawJSON } = JSON as unknown as { rawJSON(text: string): object };

function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== 'number' || source === undefined || String(value) === source) return value;
  return measureJson(source).longNumbers ? rawJSON(source) : value;
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refused('expected text in UTF-8, got other bytes');
  }
}

function refused(what: string): RivuletError {
  return new RivuletError('INVALID_REQUEST', `body: ${what}`, { extra: { field: 'body' } });
}
