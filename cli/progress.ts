// This file shows one line on standard error that keeps changing. It shows none if standard error is not a terminal.

const refreshMs = 250;
const clear = '\r\u001b[2K';

/** Prints a line that stays, above the one that changes. */
export function printNote(text: string): void {
  process.stderr.write(`${process.stderr.isTTY ? clear : ''}rivulet: ${text}\n`);
}

/** @returns a function that stops it and clears the line. */
export function startProgress(describe: () => string): () => void {
  const { stderr } = process;
  if (!stderr.isTTY) return () => undefined;
  const timer = setInterval(() => stderr.write(clear + describe()), refreshMs);
  return () => {
    clearInterval(timer);
    stderr.write(clear);
  };
}
