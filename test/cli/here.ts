// Runs a command inside the test's own process: the same code as in a process of its own, without the time that one takes to
// start. Tests of what only a process has (signals, pipes, the launcher, its end) use processes.ts.
import type { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { format } from 'node:util';
import { vi } from 'vitest';
import { runCommand } from '../../cli/run.ts';
import { stopSignals } from '../../cli/stop-signals.ts';
import { type Finished, isSteering, type RunOptions } from './processes.ts';

/** Output, input, environment and exit code belong to the whole process, so commands run one after the other. */
let last: Promise<unknown> = Promise.resolve();

/** Runs one command to its end. */
export function runHere(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const finished = last.then(() => runAlone(args, options));
  last = finished.catch(() => undefined);
  return finished;
}

async function runAlone(args: readonly string[], { input = '', environment = {} }: RunOptions): Promise<Finished> {
  using stdout = captured(process.stdout);
  using stderr = captured(process.stderr);
  using _errors = vi.spyOn(console, 'error').mockImplementation((...all) => stderr.add(`${format(...all)}\n`));
  const given = Readable.from([Buffer.from(input)]) as typeof process.stdin;
  using _stdin = vi.spyOn(process, 'stdin', 'get').mockReturnValue(given);
  using _environment = stubbed(environment);
  using _code = exitCodeKept();
  using _reader = listenersKept(process.stdout, ['error']);
  using _signals = listenersKept(process, stopSignals);
  await runCommand(args);
  return { code: Number(process.exitCode ?? 0), stdout: stdout.text(), stderr: stderr.text() };
}

function captured(stream: NodeJS.WriteStream) {
  const chunks: Buffer[] = [];
  const add = (chunk: string | Uint8Array): void => void chunks.push(Buffer.from(chunk as string));
  const write = (chunk: string | Uint8Array, ...more: unknown[]): boolean => {
    add(chunk);
    const done = more.at(-1);
    if (typeof done === 'function') queueMicrotask(() => done());
    return true;
  };
  const spy = vi.spyOn(stream, 'write').mockImplementation(write as typeof stream.write);
  return { add, text: () => Buffer.concat(chunks).toString(), [Symbol.dispose]: () => spy.mockRestore() };
}

function stubbed(environment: Record<string, string>): Disposable {
  for (const name of Object.keys(process.env).filter(isSteering)) vi.stubEnv(name, undefined);
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  return { [Symbol.dispose]: () => void vi.unstubAllEnvs() };
}

function exitCodeKept(): Disposable {
  const before = process.exitCode;
  process.exitCode = undefined;
  return {
    [Symbol.dispose]() {
      process.exitCode = before;
    },
  };
}

/** Removes the listeners that the command leaves behind: elsewhere its process ends with it. */
function listenersKept(emitter: EventEmitter, events: readonly string[]): Disposable {
  const before = events.map((event) => [event, emitter.listeners(event)] as const);
  const left = ([event, kept]: (typeof before)[number]) => {
    for (const listener of emitter.listeners(event).filter((one) => !kept.includes(one)))
      emitter.off(event, listener as () => void);
  };
  return { [Symbol.dispose]: () => before.forEach(left) };
}
