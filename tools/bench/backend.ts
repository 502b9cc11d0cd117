// The system under test: the embedded backend behind its HTTP server, as `rivulet serve` starts it.
import { systemClock } from '../../lib/runtime/clock.ts';
import { type BackendOptions, openBackend } from '../../local/backend.ts';
import { startServer } from '../../local/server.ts';
import { tuneProcess } from '../../local/tune-process.ts';
import { count, type Traffic } from './traffic.ts';

export const serveBackend = (traffic: Traffic, [directory]: string[]): Promise<string> =>
  serve(traffic, { directory: directory! });

/** Each request has a segment of its own. */
export const serveBackendAlone = (traffic: Traffic, [directory]: string[]): Promise<string> =>
  serve(traffic, { directory: directory!, groupCommit: false });

async function serve(traffic: Traffic, options: BackendOptions): Promise<string> {
  tuneProcess();
  const backend = openBackend({ ...options, log: (entry) => console.error(entry) });
  const { url } = await startServer({
    clock: systemClock,
    api: async (event) => {
      count(traffic, event.body?.length ?? 0);
      const result = await backend.api(event);
      const bytes = [result.body ?? []].flat().reduce((sum, piece) => sum + piece.length, 0);
      count(traffic, bytes);
      traffic.puts = backend.totals.s3Put;
      return result;
    },
  });
  process.on('exit', () => backend.close());
  return url;
}
