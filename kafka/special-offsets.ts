// Offsets -2 and -1 in a commit stand for the beginning and the end of the log. KafkaJS commits them to reset a group. Apache
// Kafka stores them as they are, and each consumer looks the place up when it begins. Here they are looked up at the commit.
import type { Engine } from '../lib/api/engine.ts';
import { RivuletError } from '../lib/api/errors.ts';
import { limits } from '../lib/api/limits.ts';

type Commit = { readonly topic: string; readonly partition: number; readonly offset: number };

const places = new Map([
  [-2, 'earliest'],
  [-1, 'latest'],
] as const);

/** Returns the commits with offsets that are numbers of records. One whose topic or partition is missing stays as it is. */
export async function withoutSpecialOffsets<C extends Commit>(
  engine: Pick<Engine, 'offsets'>,
  commits: readonly C[],
  signal: AbortSignal,
): Promise<readonly C[]> {
  const special = commits.filter(({ offset }) => places.has(offset as -1));
  if (special.length === 0) return commits;
  const found = new Map<C, number>();
  for (const same of Map.groupBy(special, ({ topic, offset }) => `${offset} ${topic}`).values())
    for (let from = 0; from < same.length; from += limits.fetchPartitions)
      await lookUp(engine, same.slice(from, from + limits.fetchPartitions), signal, found);
  return commits.map((commit) => ({ ...commit, offset: found.get(commit) ?? commit.offset }));
}

/**
 * Looks up commits of one topic with one place. The commit itself tells of a topic or a partition that is missing. Any other
 * error is thrown: a client that is answered as if its offset were wrong would not try again.
 */
async function lookUp<C extends Commit>(
  engine: Pick<Engine, 'offsets'>,
  commits: readonly C[],
  signal: AbortSignal,
  found: Map<C, number>,
): Promise<void> {
  const { topic, offset } = commits[0]!;
  const partitions = [...new Set(commits.map(({ partition }) => partition))];
  const at = places.get(offset as -1)!;
  const reply = await engine.offsets({ topic, at, partitions, signal }).catch(unlessMissing);
  const offsets = new Map(reply?.partitions.map((one) => [one.partition, one.offset]));
  for (const commit of commits) {
    const place = offsets.get(commit.partition);
    if (place !== undefined) found.set(commit, place);
  }
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof RivuletError && error.errorCode === 'UNKNOWN_TOPIC_OR_PARTITION') return undefined;
  throw error;
}
