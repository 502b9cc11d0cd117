// These tests use the command line as a person does: as child processes of the real launcher, and as services that run
// until they are told to stop. Each process that a test leaves running is killed when its file is done.
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
export const launcher = join(root, 'bin/rivulet.cjs');
/** The script that the launcher starts. Tests that kill use it, because the signal must meet the service itself. */
export const main = join(root, 'cli/main.ts');
/** The launcher's cache of compiled code, for scripts that start without it. These tests mostly wait for processes to start. */
const compiled = join(root, 'node_modules/.cache/compiled');
/** The launcher as an old Node runs it: one more process stands between the test and the command line. */
export const oldLauncher = join(root, 'test/fixtures/old-node.cjs');

const running = new Set<ChildProcess>();
const directories: string[] = [];

afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await Promise.all([...running].map((child) => new Promise((done) => child.once('exit', done))));
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** A new directory for one test. It is removed after the tests of the file. */
export function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'rivulet-test-'));
  directories.push(directory);
  return directory;
}

export type Finished = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export type Running = {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves when standard output matches. It rejects when the process ends earlier. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  readonly finished: Promise<Finished>;
};

/** Whether a variable of the test's own environment would steer a command. */
export const isSteering = (name: string): boolean => /^(RIVULET|AWS|NODE|VITEST)_?/.test(name);

/**
 * @param environment beside the test's own, without what would steer the command line.
 * @param detached in a process group of its own, as a terminal gives to a command.
 */
export function start(
  script: string,
  args: readonly string[],
  environment: Record<string, string> = {},
  detached = false,
): Running {
  const inherited = Object.entries(process.env).filter(([name]) => !isSteering(name));
  const env = { ...Object.fromEntries(inherited), NODE_COMPILE_CACHE: compiled, ...environment };
  return follow(spawn(process.execPath, [script, ...args], { env, cwd: root, stdio: 'pipe', detached }));
}

/** @param child is killed when the test file is done, if it still runs then. */
export function follow(child: ChildProcessWithoutNullStreams): Running {
  running.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  // The process may end without reading its input.
  child.stdin.on('error', () => undefined);
  const finished = new Promise<Finished>((done) =>
    child.once('close', (code) => {
      running.delete(child);
      done({ code, stdout, stderr });
    }),
  );
  const until = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((found, failed) => {
      const look = (): void => {
        const match = pattern.exec(stdout);
        if (match) found(match);
      };
      child.stdout.on('data', look);
      void finished.then(({ code }) => failed(new Error(`ended with ${code} before ${pattern}: ${stdout}${stderr}`)));
      look();
    });
  return { child, stdout: () => stdout, stderr: () => stderr, until, finished };
}

export type Service = Running & {
  readonly url: string;
  /** Sends the signal, and resolves with how the process ended. */
  stop(signal: NodeJS.Signals): Promise<Finished>;
};

type ServiceOptions = {
  readonly script?: string;
  readonly port?: number;
  readonly environment?: Record<string, string>;
  readonly args?: readonly string[];
  /** Whether it also listens for Kafka's clients: `args` name the port then. */
  readonly kafka?: boolean;
};

/** Starts a service, and resolves once it listens. */
export async function startService(data: string, options: ServiceOptions = {}): Promise<Service> {
  const { script = launcher, port = 0, environment, args = [], kafka = false } = options;
  const only = kafka ? [] : ['--no-kafka'];
  const process = start(script, ['serve', '--port', String(port), '--data', data, ...only, ...args], environment);
  const [, url] = await process.until(/listens on (http:\S+)/);
  const stop = (signal: NodeJS.Signals): Promise<Finished> => {
    process.child.kill(signal);
    return process.finished;
  };
  return { ...process, url: url!, stop };
}

export type RunOptions = {
  readonly input?: string | Uint8Array;
  readonly environment?: Record<string, string>;
};

/** Runs one command to its end, in a process of its own. Where the process does not matter, `runHere` is faster. */
export function run(args: readonly string[], { input = '', environment = {} }: RunOptions = {}): Promise<Finished> {
  const process = start(launcher, args, environment);
  process.child.stdin!.end(input);
  return process.finished;
}
