// What goes to standard output.
import { reportFailure } from './failure.ts';

export function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  printLine(JSON.stringify(value, null, 2));
}

export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Columns as wide as they must be; numbers to the right. */
export function printTable(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  for (const line of tableLines(headings, rows)) printLine(line);
}

export function tableLines(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  const widths = headings.map((heading, at) => Math.max(heading.length, ...rows.map((row) => String(row[at]).length)));
  const toRight = headings.map((_, at) => rows.some((row) => typeof row[at] === 'number'));
  return [headings, ...rows].map((row) =>
    row
      .map((cell, at) => (toRight[at] ? String(cell).padStart(widths[at]!) : String(cell).padEnd(widths[at]!)))
      .join('  ')
      .trimEnd(),
  );
}

/** Until it is written. Rejects when nobody reads any more: see `isReaderGone`. */
export function writeOut(text: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) =>
    process.stdout.write(text, (error) => (error ? reject(outputFailure(error)) : resolve())),
  );
}

/** A pipe whose reader has had enough (`| head`), or a terminal that was closed. */
export function isReaderGone(error: unknown): boolean {
  if (!(error instanceof Error && 'code' in error)) return false;
  return error.code === 'EPIPE' || (error.code === 'EIO' && process.stdout.isTTY);
}

const outputFailure = (error: Error): Error =>
  isReaderGone(error) ? error : new Error(`standard output: ${error.message}`, { cause: error });

/** On an error of standard output, for commands that have nothing to finish. */
export function exitWithReader(error: Error): void {
  if (!isReaderGone(error)) reportFailure(outputFailure(error));
  process.exit(isReaderGone(error) ? 0 : 1);
}

/** For a command that has something to finish: it goes on when nobody reads its output any more. */
export function outliveReader(): void {
  process.stdout.off('error', exitWithReader).on('error', () => undefined);
}
