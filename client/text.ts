// Text that goes out as UTF-8, which has no room for half of a surrogate pair: it would arrive as U+FFFD, or not at all.
import { whyNotUnicode } from '../lib/bytes/unicode.ts';

/** Undefined when it is such text. */
export function whyNotText(given: unknown): string | undefined {
  if (typeof given !== 'string') return `expected text, got ${given === null ? 'null' : typeof given}`;
  return whyNotUnicode(given);
}
