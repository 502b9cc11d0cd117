// A job of Flink copies numbers with their counts and sums, exactly once, and Flink's state has to agree with what it has written.
// In the middle the cluster is killed, and then the job; another one goes on from its last checkpoint, and so commits the
// transactions that the first had prepared. It is done with both of the ways in which Flink names transactions.
import { globSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { address, compile, crashCluster, createTopic, type Program, scratch, startTool, until } from './program.ts';

const [input, output] = ['flink-input', 'flink-output'];
/** The job takes at least 30 s for these. */
const count = 30_000;
/** Flink asks for the first. The others are for what its serializers look at. */
const options = ['-Xmx512m', ...['java.lang', 'java.util', 'java.util.concurrent'].map(opens)];

function opens(name: string): string {
  return `--add-opens=java.base/${name}=ALL-UNNAMED`;
}

const checkpoints = join(scratch, 'checkpoints');

/** One that is complete has this file. */
function lastCheckpoint(): string {
  const complete = globSync(join(checkpoints, '*/chk-*/_metadata'));
  const [last] = complete.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  return join(last!, '..');
}

const readFromBeginning = (topic: string): Program =>
  startTool(
    ...(['consumer.ConsoleConsumer', '--topic', topic, '--from-beginning'] as const),
    ...['--command-property', 'isolation.level=read_committed'],
  );

/** Each number is there once, and within a digit each count is one more, and each sum more by the number. */
function check(lines: readonly string[]): void {
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
  if (numbers.size !== count || lines.length !== count)
    throw new Error(`expected ${count} numbers, got ${numbers.size} in ${lines.length} records`);
}

const run = await compile('flink', 'FlinkSums');
await createTopic(input, 2);
await startTool('VerifiableProducer', '--topic', input, '--max-messages', String(count)).ended;
const deleted = (topic: string) => startTool('TopicCommand', '--delete', '--topic', topic).ended;
for (const strategy of ['INCREMENTING', 'POOLING']) {
  await createTopic(output, 2);
  rmSync(checkpoints, { recursive: true, force: true });
  const reader = readFromBeginning(output);
  /** After the crash, its consumer may read some again. */
  const seen = () => new Set(reader.lines).size;
  const first = run(options, address, strategy, checkpoints);
  await until('a tenth is copied', 180, () => seen() > count / 10);
  await crashCluster();
  const atCrash = seen();
  await until('the job goes on after the crash', 180, () => seen() > atCrash + count / 20);
  first.child.kill('SIGKILL');
  await first.ended;
  const left = count - seen();
  if (left <= 0) throw new Error('the job was done before it was killed');
  // A job that begins with a checkpoint does not end by itself.
  const second = run(options, address, strategy, checkpoints, lastCheckpoint());
  await until('all numbers are copied', 180, () => seen() >= count);
  second.child.kill('SIGTERM');
  await second.ended;
  reader.child.kill('SIGTERM');
  await reader.ended;
  const again = readFromBeginning(output);
  await until('all numbers are read again', 60, () => again.lines.length >= count);
  again.child.kill('SIGTERM');
  await again.ended;
  check(again.lines);
  console.log(`${strategy}: ${count} numbers, each once; ${left} of them after the kill`);
  await deleted(output);
}
process.exit(0);
