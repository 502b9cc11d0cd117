// AlterReplicaLogDirs (34). Moves nothing: there is one directory, which stands for the storage.
//
// Versions 1 to 2. To move a partition into that directory succeeds, and any other is refused.
import { defineApi } from '../api.ts';
import { logDirectory } from '../cluster.ts';
import { code } from '../errors.ts';
import { partitionCounts } from '../partition-counts.ts';

type Request = { readonly dirs: readonly { readonly path: string; readonly topics: readonly TopicRequest[] }[] };
type TopicRequest = { readonly name: string; readonly partitions: readonly number[] };

type Reply = {
  readonly results: readonly { readonly topicName: string; readonly partitions: readonly PartitionReply[] }[];
};
type PartitionReply = { readonly partitionIndex: number; readonly errorCode: number };

export const alterReplicaLogDirs = defineApi<Request, Reply>({
  key: 34,
  versions: [1, 2],
  overlaps: true,
  async answer(gateway, { dirs }) {
    const partitionsOf = partitionCounts(gateway);
    const results = [];
    for (const { path, topics } of dirs)
      for (const { name, partitions } of topics) {
        const count = await partitionsOf(name);
        results.push({ topicName: name, partitions: partitions.map((one) => move(one, path, count)) });
      }
    return { results };
  },
});

function move(partitionIndex: number, path: string, count: number): PartitionReply {
  const exists = partitionIndex >= 0 && partitionIndex < count;
  if (!exists) return { partitionIndex, errorCode: code.unknownTopicOrPartition };
  return { partitionIndex, errorCode: path === logDirectory ? code.none : code.logDirNotFound };
}
