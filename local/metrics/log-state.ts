// Reads what the metrics of topics and groups tell: the ends of partitions, and how far groups are.
//
// It costs, with T topics, P partitions and G groups: a query for 1,000 topics, half a read unit for each partition, two
// requests for each group and one for each topic of a group. Beyond the bounds nothing is read, and `cut` says so.
import type { Engine } from '../../lib/api/engine.ts';
import { RivuletError } from '../../lib/api/errors.ts';
import type { GroupSummary } from '../../lib/api/groups.ts';
import type { PartitionEnds, TopicSummary } from '../../lib/api/topics.ts';

export type LogReader = Pick<Engine, 'listTopics' | 'partitionEnds'> & {
  readonly groups: Pick<Engine['groups'], 'list' | 'fetchOffsets'>;
};

export type TopicEnds = {
  readonly topic: string;
  readonly partitions: number;
  readonly ends: readonly PartitionEnds[];
};

/** `lag` is undefined where the ends of the partition were not read. */
export type GroupOffset = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly lag: number | undefined;
};

export type GroupProgress = Pick<GroupSummary, 'groupId' | 'members'> & { readonly offsets: readonly GroupOffset[] };

export type Bounds = {
  readonly topics: number;
  readonly partitions: number;
  readonly groups: number;
  readonly offsets: number;
};

export type LogState = {
  readonly topics: readonly TopicEnds[];
  readonly groups: readonly GroupProgress[];
  /** True for each bound beyond which something was left out. The first ones by name are there. */
  readonly cut: Readonly<Record<keyof Bounds, boolean>>;
};

const bounds: Bounds = { topics: 5_000, partitions: 10_000, groups: 500, offsets: 10_000 };

const pageSize = 1_000;

/** `isOver` is asked between two reads; then the result is what there is. */
export async function readLogState(
  engine: LogReader,
  most: Bounds = bounds,
  isOver: () => boolean = () => false,
): Promise<LogState> {
  const listed = await listTopics(engine, most.topics);
  const { topics, isCut: arePartitionsCut } = await endsOf(engine, listed.topics, most.partitions, isOver);
  const { groups: summaries, more } = await engine.groups.list({ limit: most.groups });
  const { groups, isCut: areOffsetsCut } = await progressOf(engine, summaries, topics, most.offsets, isOver);
  const cut = { topics: listed.isCut, partitions: arePartitionsCut, groups: more, offsets: areOffsetsCut };
  return { topics, groups, cut };
}

async function listTopics(engine: LogReader, most: number): Promise<{ topics: TopicSummary[]; isCut: boolean }> {
  const topics: TopicSummary[] = [];
  for (;;) {
    const after = topics.at(-1)?.topic;
    const limit = Math.min(pageSize, most - topics.length);
    const page = await engine.listTopics({ limit, ...(after !== undefined && { after }) });
    topics.push(...page.topics);
    const isFull = topics.length >= most;
    if (!page.more || isFull || page.topics.length === 0) return { topics, isCut: page.more };
  }
}

async function endsOf(engine: LogReader, topics: readonly TopicSummary[], most: number, isOver: () => boolean) {
  const read: TopicEnds[] = [];
  let left = most;
  for (const { topic, partitions } of topics) {
    const isDone = left === 0 || isOver();
    const ends = isDone ? [] : await unlessDeleted(engine.partitionEnds(topic, left));
    if (!ends) continue;
    left -= ends.length;
    read.push({ topic, partitions, ends });
  }
  return { topics: read, isCut: read.some(({ partitions, ends }) => ends.length < partitions) };
}

async function progressOf(
  engine: LogReader,
  summaries: readonly GroupSummary[],
  topics: readonly TopicEnds[],
  most: number,
  isOver: () => boolean,
) {
  const endsByTopic = new Map(topics.map(({ topic, ends }) => [topic, ends]));
  const groups: GroupProgress[] = [];
  let left = most;
  let isCut = false;
  for (const { groupId, members } of summaries) {
    const isDone = left === 0 || isOver();
    const all = isDone ? [] : ((await unlessDeleted(offsetsOf(engine, groupId, endsByTopic))) ?? []);
    const offsets = all.slice(0, left);
    isCut ||= isDone || offsets.length < all.length;
    left -= offsets.length;
    groups.push({ groupId, members, offsets });
  }
  return { groups, isCut };
}

async function offsetsOf(
  engine: LogReader,
  groupId: string,
  endsByTopic: ReadonlyMap<string, readonly PartitionEnds[]>,
): Promise<GroupOffset[]> {
  const { topics } = await engine.groups.fetchOffsets({ groupId });
  return topics.flatMap(({ topic, partitions }) =>
    partitions.flatMap((one) => {
      if ('error' in one || one.offset < 0) return [];
      const { partition, offset } = one;
      return [{ topic, partition, offset, lag: lagOf(offset, endsByTopic.get(topic)?.[partition]) }];
    }),
  );
}

/** The offset may be newer than the ends. Records that were removed are not behind: no consumer can read them. */
const lagOf = (offset: number, ends: PartitionEnds | undefined): number | undefined =>
  ends && Math.max(0, ends.latest - Math.max(offset, ends.earliest));

/** A topic or a group may be deleted meanwhile. */
async function unlessDeleted<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof RivuletError && error.status === 404) return undefined;
    throw error;
  }
}
