// Runs a server as a child process on a free loopback port. The child reads its standard input and ends when that closes, so
// it never outlives the process that started it, however that process ends.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const START_MS = 300_000;
const STOP_MS = 3_000;

/** `output` is the last part of what the child has printed. */
export type Child = { readonly process: ChildProcessWithoutNullStreams; output: string };

export function launch(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Child {
  const child = { process: spawn(command, args, { env, stdio: 'pipe' }), output: '' };
  const keep = (chunk: Buffer) => {
    child.output = (child.output + chunk.toString()).slice(-4000);
  };
  child.process.stdout.on('data', keep);
  child.process.stderr.on('data', keep);
  child.process.on('error', (error) => keep(Buffer.from(error.message)));
  child.process.stdin.on('error', () => {});
  return child;
}

/** Asks until there is an answer. It throws with the last output if the child ends or takes too long. */
export async function until<T>(child: Child, ask: () => Promise<T | undefined>): Promise<T> {
  const startedMs = performance.now();
  while (performance.now() - startedMs < START_MS && child.process.exitCode === null) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(50);
  }
  await stop(child);
  throw new Error(`${child.process.spawnargs[0]} did not start:\n${child.output}`);
}

export async function stop({ process: child }: Child): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exit = once(child, 'exit');
  child.stdin.end();
  await Promise.race([exit, sleep(STOP_MS, undefined, { ref: false }).then(() => child.kill('SIGKILL'))]);
  await exit;
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}
