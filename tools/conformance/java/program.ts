// Starts the Java programs of a test, and ends what is left of them with it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { execute } from '../../emulator/install.ts';
import { jarsOf } from '../target.ts';

/** A test gets these from the suite, in this order. */
const [address, jars, scratch] = process.argv.slice(2) as [string, string, string];

export { address, scratch };

export type Program = {
  /** The lines that it has printed. */
  readonly lines: string[];
  readonly child: ChildProcess;
  /** Rejects if it ends with another code than 0, unless a signal ended it. */
  readonly ended: Promise<void>;
};

/** The JVM ends so after its hooks have run. */
const endedBySigterm = 143;
const children: ChildProcess[] = [];
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** A program of Kafka's own. */
export const start = (mainClass: string, ...args: readonly string[]): Program =>
  startJava(['-Xmx256m', '-cp', join(jars, '*')], mainClass, ...args);

/** @param options of the JVM, with the class path. */
function startJava(options: readonly string[], mainClass: string, ...args: readonly string[]): Program {
  const child = spawn('java', [...options, mainClass, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const lines: string[] = [];
  createInterface(child.stdout!).on('line', (line) => lines.push(line));
  const ended = new Promise<void>((resolve, reject) => {
    child.once('close', (code) =>
      code && code !== endedBySigterm ? reject(new Error(`${mainClass} ended with code ${code}`)) : resolve(),
    );
  });
  ended.catch(() => undefined);
  return { lines, child, ended };
}

/** One of Kafka's tools, with the address of the cluster. */
export const startTool = (name: string, ...args: readonly string[]): Program =>
  start(`org.apache.kafka.tools.${name}`, '--bootstrap-server', address, ...args);

export const createTopic = (topic: string, partitions: number, ...args: readonly string[]): Promise<void> =>
  startTool('TopicCommand', '--create', '--topic', topic, '--partitions', String(partitions), ...args).ended;

/**
 * A program of ours, in `NAME.java` beside this file, with the jars that `../suites/NAME.pom.xml` names.
 * @returns starts it, with further options of the JVM.
 */
export async function compile(name: string, mainClass: string) {
  const folder = await jarsOf(name, join(import.meta.dirname, `../suites/${name}.pom.xml`));
  const classes = join(scratch, 'classes');
  const classPath = `${classes}:${join(folder, '*')}`;
  await execute('javac', ['-cp', classPath, '-d', classes, join(import.meta.dirname, `${mainClass}.java`)], scratch);
  return (options: readonly string[], ...args: readonly string[]) =>
    startJava([...options, '-cp', classPath], mainClass, ...args);
}

/** Kills the cluster with SIGKILL. Resolves when it has started again, with its data and at the same address. */
export async function crashCluster(): Promise<void> {
  const crashed = once(process, 'message');
  process.send!('crash');
  await crashed;
}

/** The options of a JVM that open these packages of Java's own to all. */
export const opens = (...names: readonly string[]): string[] =>
  names.map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`);

const pollMs = 200;

/** Resolves when it is so. Rejects after `seconds`, and says what was expected. */
export async function until(what: string, seconds: number, isSo: () => boolean): Promise<void> {
  for (let left = (seconds * 1_000) / pollMs; !isSo(); left--) {
    if (left <= 0) throw new Error(`expected within ${seconds} s: ${what}`);
    await setTimeout(pollMs);
  }
}
