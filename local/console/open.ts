// Puts the console together: a token of its own for each process, the files of the page, and the API that it may call.
import type { Clock } from '../../lib/runtime/clock.ts';
import { builtConsole } from './build.ts';
import type { ConsoleOptions } from './gate.ts';
import { staticFiles } from './static-files.ts';

type Opened = Pick<ConsoleOptions, 'api' | 'connected'> & {
  readonly clock: Pick<Clock, 'randomBytes'>;
  /** Gets the reason why there is no page, as one line. */
  readonly onFailure: (line: string) => void;
};

export function openConsole({ clock, api, connected, onFailure }: Opened): ConsoleOptions {
  const token = Buffer.from(clock.randomBytes(32)).toString('base64url');
  return { token, api, connected, files: staticFiles(builtConsole, onFailure) };
}
