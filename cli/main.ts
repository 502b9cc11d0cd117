// The command line. Results go to standard output, everything else to standard error.
import { exitWithReader } from './output.ts';
import { runCommand } from './run.ts';

process.stdout.on('error', exitWithReader);
// A command must finish its work even if the terminal was closed, so this ignores errors of standard error.
process.stderr.on('error', () => undefined);

await runCommand(process.argv.slice(2));
