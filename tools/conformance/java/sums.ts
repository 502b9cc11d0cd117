// A job copies numbers with their counts and sums, and its state has to agree with what it has written. In the middle the cluster
// is killed, and then the job; another one goes on from its last checkpoint.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { address, compile, crashCluster, createTopic, type Program, scratch, startTool, until } from './program.ts';

export type Job = {
  /** It reads `NAME-input` and writes `NAME-output`, and needs what `../suites/NAME.pom.xml` names. */
  readonly name: string;
  /** Its arguments: the address, the variant, the folder for checkpoints, and the checkpoint to go on from, if it has to be told. */
  readonly mainClass: string;
  readonly variants: readonly string[];
  /** Those of the JVM. */
  readonly options: readonly string[];
  /** So many lines may be there again, which is what a sink that is at least once has written since the checkpoint. */
  readonly mayRepeat: number;
  lastCheckpoint?(checkpoints: string): string;
};

/** A job takes at least 30 s for these. */
const count = 30_000;
const checkpoints = join(scratch, 'checkpoints');

export async function copyUnderKills(job: Job): Promise<void> {
  const [input, output] = [`${job.name}-input`, `${job.name}-output`];
  const run = await compile(job.name, job.mainClass);
  await createTopic(input, 2);
  await startTool('VerifiableProducer', '--topic', input, '--max-messages', String(count)).ended;
  for (const variant of job.variants) {
    await createTopic(output, 2);
    rmSync(checkpoints, { recursive: true, force: true });
    const start = (...from: readonly string[]) => run(job.options, address, variant, checkpoints, ...from);
    const left = await copy(job, start, output);
    const lines = await readAll(output);
    const copied = new Set(lines);
    check(copied);
    const repeated = lines.length - copied.size;
    if (repeated > job.mayRepeat) throw new Error(`expected at most ${job.mayRepeat} lines again, got ${repeated}`);
    console.log(`${variant}: ${count} numbers, ${left} of them after the kill; ${repeated} lines again`);
    await startTool('TopicCommand', '--delete', '--topic', output).ended;
  }
}

/** @returns how many numbers were left when the first job was killed. */
async function copy(job: Job, start: (...from: readonly string[]) => Program, output: string): Promise<number> {
  const reader = readFromBeginning(output);
  const first = start();
  await until('a tenth is copied', 180, () => distinct(reader) > count / 10);
  await crashCluster();
  const atCrash = distinct(reader);
  await until('the job goes on after the crash', 180, () => distinct(reader) > atCrash + count / 20);
  await end(first, 'SIGKILL');
  const left = count - distinct(reader);
  if (left <= 0) throw new Error('the job was done before it was killed');
  const second = start(...(job.lastCheckpoint ? [job.lastCheckpoint(checkpoints)] : []));
  await until('all numbers are copied', 180, () => distinct(reader) >= count);
  // It may wait for more.
  await end(second, 'SIGTERM');
  await end(reader, 'SIGTERM');
  return left;
}

async function readAll(topic: string): Promise<readonly string[]> {
  const reader = readFromBeginning(topic);
  await until('all numbers are read again', 60, () => distinct(reader) >= count);
  await end(reader, 'SIGTERM');
  return reader.lines;
}

const readFromBeginning = (topic: string): Program =>
  startTool(
    ...(['consumer.ConsoleConsumer', '--topic', topic, '--from-beginning'] as const),
    ...['--command-property', 'isolation.level=read_committed'],
  );

/** After a crash, a consumer may read some again. */
const distinct = ({ lines }: Program): number => new Set(lines).size;

async function end({ child, ended }: Program, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  child.kill(signal);
  await ended;
}

/** Each number is there once, and within a digit each count is one more, and each sum more by the number. */
function check(lines: ReadonlySet<string>): void {
  const numbers = new Set<number>();
  const sums = new Map<number, { readonly times: number; readonly sum: number }>();
  for (const line of lines) {
    const [digit, number, times, sum] = line.split(' ').map(Number) as [number, number, number, number];
    const before = sums.get(digit) ?? { times: 0, sum: 0 };
    if (times !== before.times + 1 || sum !== before.sum + number)
      throw new Error(`${line}: expected after the count ${before.times} and the sum ${before.sum}`);
    sums.set(digit, { times, sum });
    numbers.add(number);
  }
  if (numbers.size !== count || lines.size !== count)
    throw new Error(`expected ${count} numbers, got ${numbers.size} in ${lines.size} lines`);
}
