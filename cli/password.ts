// Reads a password: without echo from a terminal, or the first line of a pipe. It is never an argument, because every process of
// a machine can read the arguments of all others.
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

/** Rejects if the input ends before a line, or if Ctrl-C is pressed. */
export function readPassword(prompt: string): Promise<string> {
  const { stdin } = process;
  if (stdin.isTTY) process.stderr.write(prompt);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output: silent, terminal: stdin.isTTY ?? false });
  return new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    lines.once('SIGINT', () => reject(new Error('password: expected a line, got Ctrl-C')));
    lines.once('close', () => reject(new Error('password: expected a line on standard input, got its end')));
  }).finally(() => {
    if (stdin.isTTY) process.stderr.write('\n');
    lines.close();
  });
}
