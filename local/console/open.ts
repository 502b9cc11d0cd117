// Puts the console together: a token of its own for each process, the files of the page, and the API that it may call.
import type { HttpApi } from '../../http/http-event.ts';
import type { Clock } from '../../lib/runtime/clock.ts';
import { builtConsole } from './build.ts';
import type { ConsoleOptions } from './gate.ts';
import { staticFiles } from './static-files.ts';

export function openConsole(clock: Pick<Clock, 'randomBytes'>, api: HttpApi): ConsoleOptions {
  const token = Buffer.from(clock.randomBytes(32)).toString('base64url');
  return { token, api, files: staticFiles(builtConsole) };
}
