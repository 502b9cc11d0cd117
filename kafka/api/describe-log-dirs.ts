// DescribeLogDirs (35). Says how many bytes each partition has.
//
// Versions 1 to 5. Deviations: there is one directory, which stands for the storage. Its size and its free space are not known.
// A topic or a partition that does not exist is left out, as in Apache Kafka.
import { RivuletError } from '../../lib/api/errors.ts';
import type { PartitionDescription } from '../../lib/api/topics.ts';
import { type Call, defineApi, type Gateway } from '../api.ts';
import { logDirectory as logDir } from '../cluster.ts';
import { code, readCode } from '../errors.ts';
import { allTopics } from '../topic-names.ts';

type Request = { readonly topics: readonly TopicRequest[] | null };
type TopicRequest = { readonly topic: string; readonly partitions: readonly number[] };

type Reply = { readonly errorCode: number; readonly results: readonly DirectoryReply[] };

type DirectoryReply = {
  readonly errorCode: number;
  readonly logDir: string;
  readonly topics: readonly TopicReply[];
};

type TopicReply = { readonly name: string; readonly partitions: readonly PartitionReply[] };

type PartitionReply = {
  readonly partitionIndex: number;
  readonly partitionSize: number;
  readonly offsetLag: number;
  readonly isFutureKey: boolean;
};

/** The most of one request to the engine. */
const pagePartitions = 256;

export const describeLogDirs = defineApi<Request, Reply>({
  key: 35,
  versions: [1, 5],
  overlaps: true,
  takesTurns: true,
  async answer(gateway, { topics }, { signal }) {
    try {
      const described = topics ? await describeSome(gateway, topics, signal) : await describeAll(gateway, signal);
      return { errorCode: code.none, results: [{ errorCode: code.none, logDir, topics: described }] };
    } catch (error) {
      if (!(error instanceof RivuletError)) throw error;
      const errorCode = readCode(error);
      return { errorCode, results: [{ errorCode, logDir, topics: [] }] };
    }
  },
});

type Signal = Call['signal'];

async function describeAll(gateway: Gateway, signal: Signal): Promise<TopicReply[]> {
  const replies = [];
  for (const { topic } of await allTopics(gateway.engine))
    replies.push({ name: topic, partitions: await sizesOf(gateway, topic, signal) });
  return replies;
}

async function describeSome(gateway: Gateway, topics: readonly TopicRequest[], signal: Signal): Promise<TopicReply[]> {
  const replies = [];
  for (const [name, asked] of Map.groupBy(topics, ({ topic }) => topic)) {
    const wanted = new Set(asked.flatMap(({ partitions }) => partitions));
    const sizes = await sizesOf(gateway, name, signal);
    const partitions = sizes.filter(({ partitionIndex }) => wanted.has(partitionIndex));
    if (partitions.length > 0) replies.push({ name, partitions });
  }
  return replies;
}

/** None if the topic does not exist, or no longer. */
async function sizesOf({ engine }: Gateway, topic: string, signal: Signal): Promise<PartitionReply[]> {
  const sizes: PartitionReply[] = [];
  try {
    for (let more = true; more; ) {
      signal.throwIfAborted();
      const page = await engine.describePartitions({ topic, from: sizes.length, limit: pagePartitions });
      sizes.push(...page.partitions.map(sizeOf));
      more = page.more;
    }
  } catch (error) {
    const isMissing = error instanceof RivuletError && error.errorCode === 'UNKNOWN_TOPIC_OR_PARTITION';
    if (!isMissing) throw error;
  }
  return sizes;
}

const sizeOf = ({ partition, bytes }: PartitionDescription): PartitionReply => ({
  ...{ partitionIndex: partition, partitionSize: bytes, offsetLag: 0, isFutureKey: false },
});
