// This file parses untrusted JSON text. The depth is bounded before anything recurses over it, and no number loses digits
// on its way into a record.
//
// Decisions: the last one of repeated members counts, as in ECMAScript's JSON.parse. No body authorises anything, so there
// is nothing to smuggle. A number that a double might not hold exactly (1e400, 2^64) keeps its text: inside a record's value
// it is stored as sent, and where an offset or another integer is expected it is refused. All other numbers are written as
// ECMAScript writes them: 1.50 is 1.5, whatever stands beside it.
import { randomUUID } from 'node:crypto';
import { RivuletError } from '../api/errors.ts';
import { limits } from '../api/limits.ts';
import { checkUnicode } from './unicode.ts';

/** Parses UTF-8 bytes or text. Throws RivuletError INVALID_REQUEST. */
export function parseJson(body: Uint8Array | string): unknown {
  // A gateway may decode the body and leave the byte order mark, which our own decoder drops.
  const text = typeof body === 'string' ? body.replace(/^\ufeff/, '') : decodeUtf8(body);
  const measures = measureJson(text);
  const { depth, longNumbers } = measures;
  if (depth > limits.jsonDepth) throw refused(`expected at most ${limits.jsonDepth} nested levels, got ${depth}`);
  if (hasTooManyNames(text, measures))
    throw refused(`expected at most ${limits.jsonNames} different names of members (jsonNames), got more`);
  const value = parsed(text, longNumbers);
  checkUnicode(value, text, 'body');
  return value;
}

function parsed(text: string, longNumbers: boolean): unknown {
  const numbers = longNumbers ? longNumbersOf(text) : [];
  try {
    return numbers.length > 0 ? parseKeepingDigits(text, numbers) : JSON.parse(text);
  } catch (error) {
    throw refused(
      text.trim() === '' ? 'expected JSON, got nothing' : `not valid JSON: ${reasonOf(error as SyntaxError, text)}`,
    );
  }
}

/** The parser may quote what stands around the mistake. An error is shown and logged, and a token there may be the right one. */
const reasonOf = ({ message }: SyntaxError, text: string): string =>
  text.includes('token') ? message.replace(/, (?:\.\.\.)?".*/s, '') : message;

const [QUOTE, BACKSLASH, PLUS, MINUS, POINT, ZERO, NINE, LETTER_E] = [
  0x22, 0x5c, 0x2b, 0x2d, 0x2e, 0x30, 0x39, 0x65,
] as const;
const [BRACE, BRACE_END, BRACKET, BRACKET_END, LOWER_CASE, COLON] = [0x7b, 0x7d, 0x5b, 0x5d, 0x20, 0x3a] as const;

type Measures = {
  /** The most brackets and braces open at a time. */
  readonly depth: number;
  /** The number of members of all objects. */
  readonly members: number;
  /** Whether there may be a number that a double cannot hold exactly. */
  readonly longNumbers: boolean;
};

export function measureJson(text: string): Measures {
  let open = 0;
  let depth = 0;
  let members = 0;
  let digits = 0;
  let longNumbers = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at + 1);
    else if (code === BRACE || code === BRACKET) depth = Math.max(depth, ++open);
    else if (code === BRACE_END || code === BRACKET_END) open--;
    else if (code === COLON) members++;
    // A double holds any 15 digits. An exponent may lead out of its range.
    longNumbers ||= digits > 15 || (digits > 0 && (code | LOWER_CASE) === LETTER_E);
    if (code >= ZERO && code <= NINE) digits++;
    else if (code !== POINT) digits = 0;
  }
  return { depth, members, longNumbers: longNumbers || digits > 15 };
}

/** As they stand in the text: ten thousand records may have the same few names, and cost little. */
function hasTooManyNames(text: string, { members }: Measures): boolean {
  if (members <= limits.jsonNames) return false;
  const names = new Set<string>();
  let name = '';
  for (let at = 0; at < text.length && names.size <= limits.jsonNames; at++) {
    const code = text.charCodeAt(at);
    if (code === COLON) names.add(name);
    if (code !== QUOTE) continue;
    const end = endOfString(text, at + 1);
    name = text.slice(at + 1, end);
    at = end;
  }
  return names.size > limits.jsonNames;
}

/** Whether `parseJson` would take its depth and its names. */
export function isWithinLimits(text: string): boolean {
  const measures = measureJson(text);
  return measures.depth <= limits.jsonDepth && !hasTooManyNames(text, measures);
}

/** The position of the closing quote, or the end of the text. */
function endOfString(text: string, start: number): number {
  let at = start;
  while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}

// rawJSON is ES2026 and in Node since 22. TypeScript's ES2024 library does not have it yet.
const { rawJSON } = JSON as unknown as { rawJSON(text: string): object };

/** This mark stands before the text of a number that was quoted. It is random, so no client can send it. */
const mark = randomUUID();

/**
 * Quotes such numbers, parses them as strings, and makes them numbers again with their own digits. A reviver would be
 * simpler, but it takes microseconds for every value of the body: two seconds for 2 MB of `[]`.
 */
function parseKeepingDigits(text: string, numbers: readonly Span[]): unknown {
  const pieces: string[] = [];
  let copied = 0;
  for (const { from, to } of numbers) {
    pieces.push(text.slice(copied, from), `"${mark}${text.slice(from, to)}"`);
    copied = to;
  }
  pieces.push(text.slice(copied));
  try {
    return withDigits(JSON.parse(pieces.join('')));
  } catch {
    // Parse the original text, so that the error is about the text that was sent. This always throws, because a number is
    // not allowed as a key in JSON either.
    return JSON.parse(text);
  }
}

type Span = { readonly from: number; readonly to: number };

/** Finds the numbers that would not be written again with the same digits. */
function longNumbersOf(text: string): Span[] {
  const spans: Span[] = [];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at + 1);
    else if (code === MINUS || (code >= ZERO && code <= NINE)) {
      const to = endOfNumber(text, at + 1);
      if (isLong(text.slice(at, to))) spans.push({ from: at, to });
      if (spans.length > limits.jsonLongNumbers) throw tooManyLong();
      at = to - 1;
    }
  }
  return spans;
}

const tooManyLong = () =>
  refused(
    `expected at most ${limits.jsonLongNumbers} numbers of more than 15 digits or with an exponent (jsonLongNumbers), got more`,
  );

function endOfNumber(text: string, start: number): number {
  let at = start;
  while (at < text.length && isOfNumber(text.charCodeAt(at))) at++;
  return at;
}

const isOfNumber = (code: number): boolean =>
  (code >= ZERO && code <= NINE) ||
  code === POINT ||
  code === MINUS ||
  code === PLUS ||
  (code | LOWER_CASE) === LETTER_E;

/** Returns false for text that is not a number: JSON.parse refuses it. */
const isLong = (source: string): boolean =>
  source !== String(Number(source)) &&
  measureJson(source).longNumbers &&
  /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(source);

/** Restores the numbers in place. Throws for a key that was a number. */
function withDigits(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith(mark) ? rawJSON(value.slice(mark.length)) : value;
  if (typeof value !== 'object' || value === null) return value;
  const members = value as Record<string | number, unknown>;
  if (Array.isArray(value)) for (let i = 0; i < value.length; i++) members[i] = withDigits(members[i]);
  else
    for (const key of Object.keys(value)) {
      if (key.startsWith(mark)) throw new SyntaxError('a key is a number');
      members[key] = withDigits(members[key]);
    }
  return value;
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
