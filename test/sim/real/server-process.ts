// The server has a process of its own, so that it can be killed as a machine dies: nothing runs to its end, and nothing
// is closed. It comes back at the same port, and clients find it there.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = resolve(import.meta.dirname, '../../..');
const startMs = 60_000;
const mostFailures = 10;

export type ServerProcess = {
  readonly url: string;
  /** Sends SIGKILL, and resolves once the process is gone. */
  kill(): Promise<void>;
};

/**
 * Resolves once the script has printed "listens on <url>". The start is retried, because while a server is dead its
 * port may be taken for a moment: by a client's own end of a connection, even of one to that very port.
 */
export async function startServerProcess(script: string, args: readonly string[]): Promise<ServerProcess> {
  for (let failures = 0; ; ) {
    try {
      return await startOnce(script, args);
    } catch (error) {
      if (++failures === mostFailures) throw error;
      await sleep(200);
    }
  }
}

async function startOnce(script: string, args: readonly string[]): Promise<ServerProcess> {
  const environment = Object.entries(process.env).filter(([name]) => !/^(RIVULET|AWS|NODE|VITEST)_?/.test(name));
  const child = spawn(process.execPath, [resolve(root, script), ...args], {
    cwd: root,
    env: Object.fromEntries(environment),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // Whatever way this process ends, it leaves no server behind.
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.removeListener('exit', end));
  return { url: await listening(child), kill: () => kill(child) };
}

function listening(child: ChildProcess): Promise<string> {
  return new Promise((found, failed) => {
    let output = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), startMs);
    child.once('exit', (code) => {
      clearTimeout(timer);
      failed(new Error(`it ended with ${code} and did not listen: ${output}`));
    });
    child.stderr!.on('data', (chunk) => (output += chunk));
    child.stdout!.on('data', (chunk) => {
      output += chunk;
      const url = /listens on (http:\S+)/.exec(output)?.[1];
      if (!url) return;
      clearTimeout(timer);
      found(url);
    });
  });
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
