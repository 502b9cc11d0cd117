// This file writes to standard output, and says what happens when its reader has gone.
import { reportFailure } from './failure.ts';

export function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  printLine(JSON.stringify(value, null, 2));
}

export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Breaks a list of names into lines for a help text. */
export function wrapped(names: readonly string[], width = 120): string {
  const lines = [''];
  for (const [at, name] of names.entries()) {
    const word = at < names.length - 1 ? `${name},` : name;
    if (`${lines.at(-1)} ${word}`.length > width) lines.push(word);
    else lines[lines.length - 1] = `${lines.at(-1)} ${word}`.trim();
  }
  return lines.join('\n');
}

/** Prints a table. Each column is as wide as its widest cell, and numbers are aligned to the right. */
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

/** Resolves when the text is written. Rejects when the reader has gone: see `isReaderGone`. */
export function writeOut(text: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) =>
    process.stdout.write(text, (error) => (error ? reject(outputFailure(error)) : resolve())),
  );
}

/** Whether the reader closed the pipe (`| head`), or the terminal was closed. */
export function isReaderGone(error: unknown): boolean {
  if (!(error instanceof Error && 'code' in error)) return false;
  return error.code === 'EPIPE' || (error.code === 'EIO' && process.stdout.isTTY);
}

const outputFailure = (error: Error): Error =>
  isReaderGone(error) ? error : new Error(`standard output: ${error.message}`, { cause: error });

/** Ends the process on an error of standard output. This is for commands that have nothing to finish. */
export function exitWithReader(error: Error): void {
  if (!isReaderGone(error)) reportFailure(outputFailure(error));
  process.exit(isReaderGone(error) ? 0 : 1);
}

/** Keeps the process running after its reader has gone. This is for a command that has something to finish. */
export function outliveReader(): void {
  process.stdout.off('error', exitWithReader).on('error', () => undefined);
}
