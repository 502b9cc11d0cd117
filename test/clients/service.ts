// `rivulet serve` as people run it, in a directory of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

export type RunningService = { readonly address: string; stop(): Promise<void> };

export async function startRivulet(): Promise<RunningService> {
  const directory = mkdtempSync(join(tmpdir(), 'rivulet-clients-'));
  const args = ['serve', '--data', join(directory, 'data'), '--port', '0', '--kafka-port', '0'];
  const child = spawn(process.execPath, [resolve('bin/rivulet.cjs'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  // A run that is cut off leaves no service behind.
  process.once('exit', () => child.kill());
  const stop = async () => {
    child.kill();
    await ended;
    rmSync(directory, { recursive: true });
  };
  const lines = createInterface(child.stdout);
  for await (const line of lines) {
    const address = /Kafka's clients connect to (\S+)/.exec(line)?.[1];
    if (address === undefined) continue;
    // Otherwise a full pipe would stop the service.
    child.stdout.resume();
    return { address, stop };
  }
  await stop();
  throw new Error("rivulet serve ended before it served Kafka's clients");
}
