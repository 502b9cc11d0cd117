// One line on standard error that keeps changing, where a person watches; nothing where nobody does.

const refreshMs = 250;

/** @returns a function that stops it and clears the line. */
export function startProgress(describe: () => string): () => void {
  const { stderr } = process;
  if (!stderr.isTTY) return () => undefined;
  const clear = '\r\u001b[2K';
  const timer = setInterval(() => stderr.write(clear + describe()), refreshMs);
  return () => {
    clearInterval(timer);
    stderr.write(clear);
  };
}
