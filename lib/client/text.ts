// Text that goes out as UTF-8, which has no room for half of a surrogate pair: it would arrive as U+FFFD, or not at all.

/** Undefined when it is such text. */
export function whyNotText(given: unknown): string | undefined {
  if (typeof given !== 'string') return `expected text, got ${given === null ? 'null' : typeof given}`;
  return given.isWellFormed() ? undefined : 'expected whole characters, got half of a surrogate pair';
}
