// Starts another process of the benchmark: a server, or a client whose memory is watched. It runs in the same Node with the
// same options, so `node --cpu-prof tools/bench/main.ts` profiles the children too.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Report } from './role.ts';

export type Child = {
  /** The URL of a server. A client has none. */
  readonly url: string;
  report(): Promise<Report>;
  stop(): Promise<void>;
};

/** Rejects if the child ends before it is ready. */
export async function startChild(role: string, ...args: readonly (string | number)[]): Promise<Child> {
  const child = fork(new URL('./role.ts', import.meta.url), [role, ...args.map(String)]);
  const url = (await messageOf(child)) as string;
  return {
    url,
    async report() {
      child.send('report');
      return (await messageOf(child)) as Report;
    },
    async stop() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

function messageOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`a child of the benchmark ended with code ${code}`));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message);
    });
  });
}
