// OffsetDelete (47). Deletes offsets of a group that no member reads.
//
// Version 0, which is the only one.
import type { PerPartitionReply } from '../../lib/api/groups.ts';
import { defineApi } from '../api.ts';
import { code, groupCode } from '../errors.ts';

type Request = {
  readonly groupId: string;
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly { readonly partitionIndex: number }[];
  }[];
};

type Reply = {
  readonly errorCode: number;
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly { readonly partitionIndex: number; readonly errorCode: number }[];
  }[];
};

export const offsetDelete = defineApi<Request, Reply>({
  key: 47,
  versions: [0, 0],
  overlaps: false,
  async answer({ engine }, { groupId, topics }) {
    const named = topics.map(({ name, partitions }) => ({
      topic: name,
      partitions: partitions.map(({ partitionIndex }) => partitionIndex),
    }));
    try {
      const deleted = await engine.groups.deleteOffsets({ groupId, topics: named });
      return { errorCode: code.none, topics: deleted.topics.map(topicReply) };
    } catch (error) {
      return { errorCode: groupCode(error), topics: [] };
    }
  },
});

const topicReply = ({ topic, partitions }: PerPartitionReply['topics'][number]): Reply['topics'][number] => ({
  name: topic,
  partitions: partitions.map((each) => ({
    partitionIndex: each.partition,
    errorCode: 'error' in each ? groupCode(each.error) : code.none,
  })),
});
