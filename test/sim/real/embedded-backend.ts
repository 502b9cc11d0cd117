// This is the embedded server over a data directory: `rivulet serve` in a process that is killed and comes back over
// the same directory, at the same port. Clients reach it directly and through a proxy that loses requests and replies.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RealHome, startFaultyProxy } from './backend.ts';
import { startServerProcess } from './server-process.ts';

export async function startEmbeddedHome(): Promise<RealHome> {
  const directory = mkdtempSync(join(tmpdir(), 'rivulet-real-'));
  const serve = (port: string) =>
    startServerProcess('cli/main.ts', ['serve', '--no-kafka', '--port', port, '--data', join(directory, 'data')]);
  let server = await serve('0');
  const { url } = server;
  const faults = { share: 0, met: 0 };
  const proxy = await startFaultyProxy(url, faults);
  return {
    urls: [url, proxy.url],
    quietUrl: url,
    faults,
    hasConflicts: false,
    async killOne() {
      await server.kill();
      server = await serve(new URL(url).port);
    },
    async close() {
      await proxy.close();
      await server.kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
