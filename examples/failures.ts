// Examples import this file. It prints an uncaught error as one line, as the command line does, and not as a stack trace
// (RIVULET_DEBUG=1 adds the stack trace).
import { reportFailure } from '../cli/failure.ts';

process.once('uncaughtException', (error) => {
  reportFailure(error);
  process.exit(1);
});
