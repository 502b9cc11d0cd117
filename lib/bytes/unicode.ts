// Text that UTF-8 cannot hold. A JSON escape or a JavaScript string may have half of a surrogate pair, and encoders put U+FFFD
// in its place without a word.

/** Follows the field in an error; undefined where the text can be stored as it is. */
export function whyNotUnicode(text: string): string | undefined {
  if (text.isWellFormed()) return undefined;
  const before = text.slice(0, text.search(/\p{Surrogate}/u));
  return `expected text in valid Unicode, got a lone surrogate at character ${[...before].length + 1}`;
}
