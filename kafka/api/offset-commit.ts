// OffsetCommit (8). A member commits the offsets of its partitions; without a member id anybody may, while the group has no
// members.
//
// Versions 2 to 9. Deviations: the retention time of versions 2 to 4 is not looked at. An offset that is committed already
// is not written again, so that its time stays. Offsets -2 and -1 are looked up: special-offsets.ts.
import type { PartitionCommit, PerPartitionReply } from '../../lib/api/groups.ts';
import { limits } from '../../lib/api/limits.ts';
import { defineApi, type Gateway } from '../api.ts';
import { code, groupCode } from '../errors.ts';
import { codesOf, commitsOf } from '../offsets-to-commit.ts';
import { withoutSpecialOffsets } from '../special-offsets.ts';

type Request = {
  readonly groupId: string;
  readonly generationIdOrMemberEpoch: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly topics: readonly TopicRequest[];
};

type TopicRequest = {
  readonly name: string;
  readonly partitions: readonly {
    readonly partitionIndex: number;
    readonly committedOffset: number;
    readonly committedLeaderEpoch: number;
    readonly committedMetadata: string | null;
  }[];
};

type Reply = {
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly { readonly partitionIndex: number; readonly errorCode: number }[];
  }[];
};

export const offsetCommit = defineApi<Request, Reply>({
  key: 8,
  versions: [2, 9],
  overlaps: false,
  async answer(gateway, request, { signal }) {
    const codes = await commitAll(gateway, request, signal);
    return { topics: codesOf(request.topics, (topic, partition) => codes.get(placeOf(topic, partition)) ?? code.none) };
  },
});

type Codes = ReadonlyMap<string, number>;

/** The codes of the partitions that were refused. */
async function commitAll(gateway: Gateway, request: Request, signal: AbortSignal): Promise<Codes> {
  const all = request.topics.flatMap((topic) => commitsOf(topic).map((each) => ({ topic: topic.name, ...each })));
  const codes = new Map<string, number>();
  let commits: readonly Commit[];
  try {
    commits = await withoutSpecialOffsets(gateway.engine, all, signal);
  } catch (error) {
    return new Map(all.map(({ topic, partition }) => [placeOf(topic, partition), groupCode(error)]));
  }
  for (const topics of steps(commits))
    for (const [place, errorCode] of await commit(gateway, request, topics, signal)) codes.set(place, errorCode);
  return codes;
}

type TopicCommit = { readonly topic: string; readonly partitions: readonly PartitionCommit[] };

type Commit = PartitionCommit & { readonly topic: string };

/** The engine takes so many partitions at a time. */
function* steps(all: readonly Commit[]): Generator<TopicCommit[]> {
  for (let from = 0; from < all.length; from += limits.commitPartitions) {
    const step = Map.groupBy(all.slice(from, from + limits.commitPartitions), ({ topic }) => topic);
    yield [...step].map(([topic, partitions]) => ({ topic, partitions }));
  }
}

const placeOf = (topic: string, partition: number): string => `${topic}/${partition}`;

async function commit(
  { engine }: Gateway,
  { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch: generation }: Request,
  topics: readonly TopicCommit[],
  signal: AbortSignal,
): Promise<[place: string, errorCode: number][]> {
  const isMember = generation >= 0 || memberId !== '';
  try {
    const reply: PerPartitionReply = isMember
      ? await engine.classicGroups.commit({
          ...{ groupId, memberId, generation, topics, signal },
          ...(groupInstanceId !== null && { instanceId: groupInstanceId }),
        })
      : await engine.groups.commitOffsets({ groupId, topics });
    return reply.topics.flatMap(({ topic, partitions }) =>
      partitions.map((each): [string, number] => [
        placeOf(topic, each.partition),
        'error' in each ? groupCode(each.error) : code.none,
      ]),
    );
  } catch (error) {
    const errorCode = groupCode(error);
    return topics.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition }): [string, number] => [placeOf(topic, partition), errorCode]),
    );
  }
}
