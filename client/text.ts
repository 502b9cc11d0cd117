// This file checks text that is sent as UTF-8. UTF-8 cannot encode half of a surrogate pair: that half would arrive as
// U+FFFD, or not at all.
import { whyNotUnicode } from '../lib/bytes/unicode.ts';

/** @returns why `given` cannot be sent as text; undefined when it can. */
export function whyNotText(given: unknown): string | undefined {
  if (typeof given !== 'string') return `expected text, got ${given === null ? 'null' : typeof given}`;
  return whyNotUnicode(given);
}
