// A suite of somebody else's tests, as this runner sees it: a way to get it, a list of tests, and a command for each.
//
// Invariant: each test runs in a process of its own, so none can hide that another one died.
import { spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { finished } from 'node:stream/promises';

export type Suite = {
  readonly name: string;
  /** The name and the version of the thing that is run. */
  readonly title: string;
  /** Tests that are not run, each with the reason. */
  readonly leftOut: Readonly<Record<string, string>>;
  /** Fetches and builds it, once. Resolves with the folder. */
  prepare(): Promise<string>;
  list(folder: string): Promise<readonly Test[]>;
  command(folder: string, test: Test, address: string, scratch: string): Command;
  /** Says what a process that ended with code 0 has done: some runners end so after a test that they skipped. */
  isSkip(output: string): boolean;
};

export type Test = {
  readonly name: string;
  /** Whether the cluster is to create topics that are asked for. Default true. */
  readonly autoCreate?: boolean;
  /** The test is a program of Node that may ask for a crash of the cluster (`crashCluster` in java/program.ts). */
  readonly crashesCluster?: boolean;
};

export type Command = {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
};

export type Verdict = 'passed' | 'failed' | 'skipped';

export type Outcome = { readonly verdict: Verdict; readonly seconds: number };

export type Bounds = {
  readonly log: string;
  readonly limitMs: number;
  /** Crashes the cluster and starts it again, when the test sends a message. Without it the test has no channel. */
  readonly crash?: () => Promise<void>;
};

/** Runs one test. Its output goes to `log`. A test that is not done after `limitMs` has failed. */
export async function runTest(suite: Suite, command: Command, { log, limitMs, crash }: Bounds): Promise<Outcome> {
  const begunMs = performance.now();
  const output = createWriteStream(log);
  const endGroup = () => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // The group has ended.
    }
  };
  // In a group of its own, so that what it has started ends with it.
  const child = spawn('nice', ['-n', '5', command.file, ...command.args], {
    ...{ cwd: command.cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe', ...(crash ? ['ipc' as const] : [])] },
    env: { ...process.env, ...command.env },
  });
  child.on('message', () => void crash?.().then(() => child.connected && child.send('crashed'), endGroup));
  child.stdout?.pipe(output, { end: false });
  child.stderr?.pipe(output, { end: false });
  const timer = setTimeout(endGroup, limitMs);
  const code = await new Promise<number | null>((resolve, reject) =>
    child.once('error', reject).once('close', resolve),
  );
  clearTimeout(timer);
  endGroup();
  output.end();
  await finished(output);
  const seconds = Math.round((performance.now() - begunMs) / 1_000);
  if (code !== 0) return { verdict: 'failed', seconds };
  return { verdict: suite.isSkip(readFileSync(log, 'utf8')) ? 'skipped' : 'passed', seconds };
}
