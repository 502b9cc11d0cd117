// This part of the administration manages groups. A refusal for one partition is thrown as an error that names the
// partition. The partitions that were not refused are done.

import type {
  GroupDescription as Described,
  GroupSummary,
  PartitionLag as Lag,
  MemberDescription,
  OffsetTarget,
} from '../../lib/api/groups.ts';
import { limits } from '../../lib/api/limits.ts';
import { invalid, isClientError, type RivuletClientError } from '../client-error.ts';
import type { Call } from '../transport/connection.ts';
import { oneByOne, slices } from '../transport/parts.ts';
import { paths } from '../transport/paths.ts';
import { allDone, everyPage, topicResults } from '../transport/topic-results.ts';
import type { AdminCalls } from './admin-calls.ts';
import { allPartitions } from './admin-calls.ts';
import type { PartitionDelivery } from './subscription-admin.ts';

/** Without `partitions`, all partitions of the topic are meant. */
export type TopicSelection = { readonly topic: string; readonly partitions?: readonly number[] };

export type GroupOffset = {
  readonly partition: number;
  /** -1 means that nothing is committed. */
  readonly offset: number;
  readonly leaderEpoch: number;
  readonly metadata: string;
  /** Epoch milliseconds; -1 if nothing is committed. */
  readonly committedAt: number;
};

export type GroupOffsets = {
  readonly topic: string;
  readonly topicId: string;
  readonly partitions: readonly GroupOffset[];
};

type PartitionOffset = { readonly partition: number; readonly offset: number };

export type ResetTarget =
  | OffsetTarget
  /** `timestamp` in epoch milliseconds. */
  | { readonly to: 'datetime'; readonly timestamp: number };

export type ResetOffsets = {
  readonly groupId: string;
  readonly topics: readonly (TopicSelection & { readonly target: ResetTarget })[];
  readonly dryRun?: boolean;
};

export type SetOffsets = {
  readonly groupId: string;
  readonly topic: string;
  readonly partitions: readonly PartitionOffset[];
  readonly dryRun?: boolean;
};

/** `previousOffset` is -1 where nothing was committed. */
export type OffsetReset = {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly previousOffset: number;
  readonly offset: number;
};

export type DeletedOffsets = { readonly topic: string; readonly partition: number };

/** `leaseUntil` and `failing` are there only for the group of a subscription. */
export type PartitionLag = Omit<Lag, 'leaseUntilMs' | 'failing'> & PartitionDelivery;

export type GroupDescription = Omit<Described, 'partitionDetails'> & {
  /** These are sorted by topic and partition. */
  readonly partitionDetails: readonly PartitionLag[];
};

type DescriptionPage = GroupDescription & { readonly nextMember?: number; readonly nextPartition?: number };

export type GroupAdmin = ReturnType<typeof createGroupAdmin>;

export function createGroupAdmin(calls: AdminCalls) {
  return {
    list: () => list(calls),
    describe: (groupId: string) => describe(calls, groupId),
    delete: (groupId: string) => calls.retrying((before) => remove(calls, groupId, before)),
    fetchOffsets: (request: { groupId: string; topics?: readonly TopicSelection[] }) => fetchOffsets(calls, request),
    resetOffsets: (request: ResetOffsets) => resetOffsets(calls, request),
    setOffsets: ({ topic, partitions, ...rest }: SetOffsets) =>
      resetOffsets(calls, { ...rest, topics: [{ topic, target: { to: 'offsets', offsets: partitions } }] }),
    deleteOffsets: (request: { groupId: string; topics: readonly TopicSelection[] }) => deleteOffsets(calls, request),
  };
}

async function list(calls: AdminCalls): Promise<GroupSummary[]> {
  const groups: GroupSummary[] = [];
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const page = await calls.read<{ groups: GroupSummary[]; nextAfter?: string }>(paths.groups, { after });
    groups.push(...page.groups);
    after = page.nextAfter;
  }
  return groups;
}

/** Reads page by page. Each page shows the group at its own moment. */
async function describe(calls: AdminCalls, groupId: string): Promise<GroupDescription> {
  const memberDetails: MemberDescription[] = [];
  const partitionDetails: PartitionLag[] = [];
  for (;;) {
    const [membersFrom, partitionsFrom] = [memberDetails.length, partitionDetails.length];
    const page = await calls.read<DescriptionPage>(paths.group(groupId), { membersFrom, partitionsFrom });
    const { nextMember, nextPartition, ...description } = page;
    memberDetails.push(...page.memberDetails);
    partitionDetails.push(...page.partitionDetails);
    if (nextMember === undefined && nextPartition === undefined)
      return { ...description, memberDetails, partitionDetails };
  }
}

async function remove(calls: AdminCalls, groupId: string, before: RivuletClientError | undefined): Promise<void> {
  try {
    await calls.ask({ method: 'DELETE', path: paths.group(groupId), writes: true });
  } catch (error) {
    const gone = isClientError(error) && error.errorCode === 'GROUP_ID_NOT_FOUND';
    if (!gone || before?.outcome !== 'unknown') throw error;
  }
}

async function fetchOffsets(
  calls: AdminCalls,
  { groupId, topics }: { groupId: string; topics?: readonly TopicSelection[] },
): Promise<GroupOffsets[]> {
  if (topics !== undefined) checkTopics(topics);
  const path = paths.groupOffsets(groupId);
  const found = new Map<string, GroupOffsets & { partitions: GroupOffset[] }>();
  for (const query of topics?.flatMap(queriesOf) ?? [{}]) {
    const page = (after: string | undefined) =>
      calls.exchange({ method: 'GET', path, query: { ...query, after }, writes: false });
    const rows = await calls.retrying(async () => allDone(await everyPage<GroupOffset>(page)));
    for (const { topic, topicId, result } of rows) {
      if (!found.has(topicId)) found.set(topicId, { topic, topicId, partitions: [] });
      found.get(topicId)?.partitions.push(result);
    }
  }
  return [...found.values()];
}

async function deleteOffsets(
  calls: AdminCalls,
  { groupId, topics }: { groupId: string; topics: readonly TopicSelection[] },
): Promise<DeletedOffsets[]> {
  checkTopics(topics);
  const path = paths.groupOffsets(groupId);
  return oneByOne(
    topics.flatMap(queriesOf),
    async (query) => {
      const done = await results<{ partition: number }>(calls, { method: 'DELETE', path, query });
      return done.map(({ topic, partition }) => ({ topic, partition }));
    },
    ({ topic }) => ({ topic }),
  );
}

async function resetOffsets(calls: AdminCalls, request: ResetOffsets): Promise<OffsetReset[]> {
  const { groupId, dryRun = false } = request;
  checkTopics(request.topics);
  for (const [at, { target }] of request.topics.entries())
    if (typeof target !== 'object' || target === null)
      throw invalid(`topics[${at}].target: expected a target like { to: 'earliest' }, got ${JSON.stringify(target)}`);
  const requests = dryRun ? await searches(calls, request.topics) : [await repeatable(calls, request)];
  return oneByOne(requests, async (topics) => {
    const call = { method: 'POST', path: paths.resetOffsets(groupId), body: { topics, dryRun } } as const;
    const done = await results<Pick<OffsetReset, 'partition' | 'previousOffset' | 'offset'>>(calls, call);
    return done.map(({ topic, topicId, result }) => ({ topic, topicId, ...result }));
  });
}

/**
 * A shift whose reply is lost would be applied twice, and one request may search only so many partitions by time. So a dry
 * run first works out which offsets these targets mean, and one request then sets them.
 */
async function repeatable(calls: AdminCalls, request: ResetOffsets): Promise<ResetOffsets['topics']> {
  const [planned, others] = split(request.topics, ({ target }) => ['shift', 'datetime'].includes(target.to));
  if (planned.length === 0) return others;
  try {
    return [...others, ...offsetTargets(await resetOffsets(calls, { ...request, topics: planned, dryRun: true }))];
  } catch (error) {
    throw isClientError(error) ? error.with({ outcome: 'not-written' }) : error;
  }
}

/** Divides the topics among requests, so that none searches too many partitions by time. */
async function searches(calls: AdminCalls, topics: ResetOffsets['topics']): Promise<ResetOffsets['topics'][]> {
  const [timed, others] = split(topics, ({ target }) => target.to === 'datetime');
  const requests = others.length > 0 ? [others] : [];
  for (const { partitions, ...one } of timed) {
    const numbers = partitions ?? (await allPartitions(calls, one.topic));
    requests.push(...slices(numbers, limits.fetchPartitions).map((slice) => [{ ...one, partitions: slice }]));
  }
  return requests;
}

function split<T>(all: readonly T[], isFirst: (one: T) => boolean): [first: T[], rest: T[]] {
  return [all.filter(isFirst), all.filter((one) => !isFirst(one))];
}

/** Turns offsets of many topics, in any order, into the targets that a reset takes. */
export function offsetTargets(
  all: readonly (PartitionOffset & { readonly topic: string })[],
): { topic: string; target: OffsetTarget }[] {
  return [...Map.groupBy(all, ({ topic }) => topic)].map(([topic, rows]) => {
    const offsets = rows.map(({ partition, offset }) => ({ partition, offset }));
    return { topic, target: { to: 'offsets', offsets } };
  });
}

// --- requests and replies

/** Checks only what this file walks through itself. The server checks the rest. JavaScript programs call this too. */
function checkTopics(topics: readonly TopicSelection[]): void {
  if (!Array.isArray(topics)) throw invalid(`topics: expected a list of { topic }, got ${JSON.stringify(topics)}`);
  for (const [at, one] of topics.entries()) {
    if (typeof one !== 'object' || one === null)
      throw invalid(`topics[${at}]: expected a value like { topic: 'orders' }, got ${JSON.stringify(one)}`);
    if (one.partitions !== undefined && !Array.isArray(one.partitions))
      throw invalid(`topics[${at}].partitions: expected a list of numbers, got ${JSON.stringify(one.partitions)}`);
  }
}

function results<Result extends { partition: number }>(calls: AdminCalls, call: Omit<Call, 'writes'>) {
  return calls.retrying(async () =>
    allDone(topicResults<Result>(await calls.exchange({ ...call, writes: true }), true)),
  );
}

/** Makes one request for each run of partitions, because a query can name only one run. */
function queriesOf({ topic, partitions }: TopicSelection): { topic: string; partitions?: string }[] {
  if (partitions === undefined) return [{ topic }];
  return runsOf(partitions).map(([first, last]) => ({
    topic,
    partitions: first === last ? `${first}` : `${first}-${last}`,
  }));
}

function runsOf(partitions: readonly number[]): (readonly [number, number])[] {
  const runs: [number, number][] = [];
  for (const partition of [...new Set(partitions)].sort((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run && run[1] === partition - 1) run[1] = partition;
    else runs.push([partition, partition]);
  }
  return runs;
}
