// What an example cannot go on after is told in a line, as the command line does it, and not as a stack (RIVULET_DEBUG=1 adds
// it). To be imported.
import { reportFailure } from '../cli/failure.ts';

process.once('uncaughtException', (error) => {
  reportFailure(error);
  process.exit(1);
});
