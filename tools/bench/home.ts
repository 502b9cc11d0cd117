// The system under test: the embedded home behind its HTTP server, as `rivulet serve` starts it.
import { systemClock } from '../../lib/runtime/clock.ts';
import { openHome } from '../../local/home.ts';
import { startServer } from '../../local/server.ts';
import { count, type Traffic } from './traffic.ts';

export async function serveHome(traffic: Traffic, [directory]: string[]): Promise<string> {
  const home = openHome({ directory: directory!, log: (entry) => console.error(entry) });
  const { url } = await startServer({
    clock: systemClock,
    api: async (event) => {
      count(traffic, event.body?.length ?? 0);
      const result = await home.api(event);
      const bytes = [result.body ?? []].flat().reduce((sum, piece) => sum + piece.length, 0);
      count(traffic, bytes);
      return result;
    },
  });
  process.on('exit', () => home.close());
  return url;
}
