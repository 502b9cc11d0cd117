// The tests of handlers share this: everything that a function logs, and its metrics, are lines of its output.
import { afterEach, beforeEach, vi } from 'vitest';

/** Returns the lines that were written since the test began. They are not printed. */
export function keepLogLines(): string[] {
  const lines: string[] = [];
  const keep = (chunk: unknown) => lines.push(String(chunk)) > 0;
  beforeEach(() => {
    lines.length = 0;
    vi.spyOn(process.stdout, 'write').mockImplementation(keep);
    vi.spyOn(process.stderr, 'write').mockImplementation(keep);
  });
  afterEach(() => vi.restoreAllMocks());
  return lines;
}
