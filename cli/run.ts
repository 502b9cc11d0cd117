// Runs one command, and reports its failure. The exit code is left in `process.exitCode`: a command that a signal ended has
// set its own there.
import { CommanderError } from 'commander';
import { reportFailure } from './failure.ts';
import { program } from './program.ts';

/** @param args the words after `rivulet`. */
export async function runCommand(args: readonly string[]): Promise<void> {
  try {
    await program().parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else {
      reportFailure(error);
      process.exitCode = 1;
    }
  }
}
