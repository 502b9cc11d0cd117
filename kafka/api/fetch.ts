// Fetch (1). Returns batches of records from an offset on, and waits until there are some.
//
// Versions 4 to 17: by the names of topics up to 12, by their ids from 13 on. Deviations: there are no fetch sessions. Every
// reply has session 0, which tells a client that each of its requests must name all partitions, and each reply has them all.
// A wait lasts 20 s at most, and a reply has 16 MiB at most. A
// further fetch of a connection from a partition may be two seconds late with what other processes write. Nothing is aborted in the log, so
// both isolation levels see the same.

import { RivuletError } from '../../lib/api/errors.ts';
import type { PartitionError, PartitionRecords, TopicFetch, TopicsFetchRequest } from '../../lib/api/records.ts';
import { type Call, defineApi, type Gateway } from '../api.ts';
import { isEpochUnknown } from '../cluster.ts';
import { countPartitions, mostPartitions } from '../each-partition.ts';
import { code, readCode } from '../errors.ts';

type Request = {
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly sessionId: number;
  readonly sessionEpoch: number;
  readonly topics: readonly TopicRequest[];
};

type TopicRequest = {
  readonly topic: string;
  readonly topicId: string;
  readonly partitions: readonly PartitionRequest[];
};

type PartitionRequest = {
  readonly partition: number;
  readonly currentLeaderEpoch: number;
  readonly fetchOffset: number;
  readonly partitionMaxBytes: number;
};

type Reply = {
  readonly errorCode: number;
  readonly sessionId: number;
  readonly responses: readonly TopicReply[];
};

type TopicReply = { readonly topic: string; readonly topicId: string; readonly partitions: readonly PartitionReply[] };

type PartitionReply = {
  readonly partitionIndex: number;
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  readonly abortedTransactions: readonly never[];
  readonly records: readonly Uint8Array[];
};

const firstVersionWithIds = 13;
const noSession = 0;

export const fetch = defineApi<Request, Reply>({
  key: 1,
  versions: [4, 17],
  overlaps: true,
  takesTurns: true,
  async answer(gateway, request, call) {
    if (request.sessionId !== noSession) return refused(code.fetchSessionIdNotFound);
    const topics = eachTopicOnce(request.topics, call);
    if (topics.some(isRepetitive) || countPartitions(topics) > mostPartitions) return refused(code.invalidRequest);
    const responses = await fetchAll(gateway, { ...request, topics }, call);
    return { errorCode: code.none, sessionId: noSession, responses };
  },
});

const refused = (errorCode: number): Reply => ({ errorCode, sessionId: noSession, responses: [] });

/** librdkafka goes round its partitions, and names a topic again after those of others. The topic is read once. */
function eachTopicOnce(topics: readonly TopicRequest[], call: Call): TopicRequest[] {
  const groups = Map.groupBy(topics, (topic) => nameIn(topic, call));
  return [...groups.values()].map((group) => ({
    ...group[0]!,
    partitions: group.flatMap(({ partitions }) => partitions),
  }));
}

/** A partition that is named a thousand times would be read a thousand times. */
const isRepetitive = ({ partitions }: TopicRequest): boolean =>
  new Set(partitions.map(({ partition }) => partition)).size < partitions.length;

async function fetchAll(gateway: Gateway, request: Request, call: Call): Promise<TopicReply[]> {
  const wanted = await Promise.all(request.topics.map((topic) => topicOf(gateway, topic, call)));
  const known = wanted.filter((topic) => topic !== undefined);
  const hasError = known.length < wanted.length || request.topics.some(({ partitions }) => partitions.some(isAhead));
  const { signal, roomFor } = call;
  const results = await resultsOfAll(gateway, {
    topics: known,
    maxBytes: Math.max(request.maxBytes, 0),
    minBytes: request.minBytes,
    waitMs: hasError ? 0 : Math.max(0, request.maxWaitMs),
    ...{ signal, roomFor },
  });
  for (const [i, topic] of known.entries()) remember(call, topic, results[i]!);
  reportFaults(gateway, results.flat());
  const resultsOf = new Map(known.map((topic, i) => [topic, results[i]!]));
  return request.topics.map((topic, i) => replyOf(topic, wanted[i] && resultsOf.get(wanted[i])));
}

const isById = ({ version }: Call): boolean => version >= firstVersionWithIds;
const nameIn = ({ topic, topicId }: TopicRequest, call: Call): string => (isById(call) ? topicId : topic);

/** Undefined if no topic has the id. */
async function topicOf({ names }: Gateway, topic: TopicRequest, call: Call): Promise<TopicFetch | undefined> {
  const name = isById(call) ? await names.nameOf(topic.topicId) : topic.topic;
  if (name === undefined) return undefined;
  const partitions = topic.partitions.map(({ partition, fetchOffset, partitionMaxBytes }) => ({
    ...{ partition, offset: fetchOffset, maxBytes: Math.max(0, partitionMaxBytes) },
    strong: !call.fetched.has(nameIn(topic, call), partition),
  }));
  return { topic: name, ...(isById(call) && { topicId: topic.topicId }), partitions };
}

/** An error of the whole fetch is one of each partition. */
async function resultsOfAll({ engine }: Gateway, request: TopicsFetchRequest): Promise<readonly (readonly Result[])[]> {
  try {
    return await engine.fetchTopics(request);
  } catch (error) {
    if (!(error instanceof RivuletError)) throw error;
    return request.topics.map(({ partitions }) => partitions.map(({ partition }) => ({ partition, error })));
  }
}

/** The client only learns that something failed. */
function reportFaults({ onError }: Gateway, results: readonly Result[]): void {
  for (const result of results)
    if ('error' in result && result.error.errorCode === 'UNKNOWN_SERVER_ERROR') onError(result.error);
}

/** The next fetch of this connection need not look strongly. */
function remember({ fetched }: Call, { topic, topicId }: TopicFetch, results: readonly Result[]): void {
  for (const result of results) if (!('error' in result)) fetched.add(topicId ?? topic, result.partition);
}

type Result = PartitionRecords | PartitionError;

const isAhead = ({ currentLeaderEpoch }: PartitionRequest): boolean => isEpochUnknown(currentLeaderEpoch);

function replyOf({ topic, topicId, partitions }: TopicRequest, results: readonly Result[] | undefined): TopicReply {
  return {
    ...{ topic, topicId },
    partitions: partitions.map((asked, i) => {
      const result = results?.[i];
      if (isAhead(asked)) return failed(asked, code.unknownLeaderEpoch);
      return result ? partitionReply(asked, result) : failed(asked, code.unknownTopicId);
    }),
  };
}

function partitionReply(asked: PartitionRequest, result: Result): PartitionReply {
  if ('error' in result) {
    const isRecreated = result.error.errorCode === 'INCONSISTENT_TOPIC_ID';
    return failed(asked, isRecreated ? code.unknownTopicId : readCode(result.error));
  }
  const { partition, highWatermark, logStartOffset, batches } = result;
  return {
    ...{ partitionIndex: partition, errorCode: code.none, highWatermark, logStartOffset },
    lastStableOffset: highWatermark,
    abortedTransactions: [],
    records: batches,
  };
}

const failed = ({ partition }: PartitionRequest, errorCode: number): PartitionReply => ({
  ...{ partitionIndex: partition, errorCode, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 },
  abortedTransactions: [],
  records: [],
});
