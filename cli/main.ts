// The command line. Results go to standard output, everything else to standard error.
import { CommanderError } from 'commander';
import { reportFailure } from './failure.ts';
import { exitWithReader } from './output.ts';
import { program } from './program.ts';

process.stdout.on('error', exitWithReader);
// A command must finish its work even if the terminal was closed, so this ignores errors of standard error.
process.stderr.on('error', () => undefined);

try {
  await program().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    reportFailure(error);
    process.exitCode = 1;
  }
}
