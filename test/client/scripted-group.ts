// This group does what the test says: it assigns the given partitions, refuses when asked to, and keeps commits. It serves
// for behaviour that a healthy coordinator never shows. Stories of several members run against the real one.
import { isFetch, type Received, type Reply, type Script } from './scripted-server.ts';

const orders = { topic: 't', topicId: 'AAAAAAAAAAAAAAAAAAAAAA' };

export type HeartbeatBody = {
  readonly memberId: string;
  readonly memberEpoch: number;
  readonly heartbeatSeq: number;
  readonly instanceId?: string;
  readonly subscribedTopicNames?: string[];
  readonly subscribedTopicRegex?: string;
  readonly topicPartitions?: { topic: string; topicId: string; partitions: number[] }[];
};

type Commit = {
  readonly memberId?: string;
  readonly memberEpoch?: number;
  readonly commitSeq?: number;
  readonly topics: { topic: string; partitions: { partition: number; offset: number; metadata?: string }[] }[];
};

export type ScriptedGroup = {
  readonly script: Script;
  /** The partitions that it assigns from now on. */
  assigned: number[];
  epoch: number;
  leaseMs: number;
  heartbeatIntervalMs: number;
  /** The replies to the next heartbeats, in turn. */
  readonly nextAnswers: Reply[];
  /** Whether a leave request gets no answer. */
  ignoresLeaving: boolean;
  /** The reply to a leave request, if it gets an answer. */
  refusesLeaving: Reply | undefined;
  /** The error code of every commit. */
  commitError: string | undefined;
  /** The error codes and delays of the next commits. */
  readonly nextCommits: { readonly errorCode: string | undefined; readonly afterMs: number }[];
  readonly heartbeats: HeartbeatBody[];
  readonly commits: Commit[];
  readonly offsets: Map<number, number>;
  /** The partitions that the newest heartbeat reported. */
  owned(): number[];
  left(): number | undefined;
};

export function scriptedGroup(records: Script): ScriptedGroup {
  const group: ScriptedGroup = {
    assigned: [],
    epoch: 1,
    leaseMs: 10_000,
    heartbeatIntervalMs: 20,
    nextAnswers: [],
    ignoresLeaving: false,
    refusesLeaving: undefined,
    commitError: undefined,
    nextCommits: [],
    heartbeats: [],
    commits: [],
    offsets: new Map(),
    owned: () => group.heartbeats.at(-1)?.topicPartitions?.flatMap(({ partitions }) => partitions) ?? [],
    left: () => group.heartbeats.find(({ memberEpoch }) => memberEpoch < 0)?.memberEpoch,
    script: (request) => {
      if (isFetch(request)) return records(request);
      if (request.path.endsWith('/heartbeat')) return beat(group, request);
      if (request.path.startsWith('/v1/groups/'))
        return request.method === 'POST' ? commit(group, request) : committed(group);
      return records(request) ?? (request.path.endsWith('/offsets') ? earliest : undefined);
    },
  };
  return group;
}

const earliest: Reply = {
  json: { ...orders, partitions: [0, 1, 2, 3].map((partition) => ({ partition, offset: 0, timestamp: -1 })) },
};

export function problem(errorCode: string, status = 409, retriable = false): Reply {
  return { status, json: { title: 'refused', status, detail: 'as the test says', errorCode, retriable } };
}

function beat(group: ScriptedGroup, request: Received): Reply {
  const body = JSON.parse(request.body.toString()) as HeartbeatBody;
  group.heartbeats.push(body);
  const { memberId, memberEpoch } = body;
  const { epoch, leaseMs, heartbeatIntervalMs, assigned } = group;
  const assignment = assigned.length > 0 ? [{ ...orders, partitions: assigned }] : [];
  const json = { memberId, memberEpoch: epoch, heartbeatIntervalMs, sessionTimeoutMs: 45_000, leaseMs, assignment };
  if (memberEpoch < 0 && group.ignoresLeaving) return { hang: true };
  if (memberEpoch < 0 && group.refusesLeaving) return group.refusesLeaving;
  if (memberEpoch < 0) return { json: { ...json, memberEpoch, assignment: [] } };
  return group.nextAnswers.shift() ?? { json };
}

function commit(group: ScriptedGroup, request: Received): Reply {
  const body = JSON.parse(request.body.toString()) as Commit;
  group.commits.push(body);
  const { errorCode, afterMs } = group.nextCommits.shift() ?? { errorCode: group.commitError, afterMs: 0 };
  const refused = errorCode && problem(errorCode).json;
  const topics = body.topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition, offset }) => {
      if (refused) return { partition, error: refused };
      group.offsets.set(partition, offset);
      return { partition };
    }),
  }));
  return { status: refused ? 409 : 200, json: { topics }, afterMs };
}

function committed(group: ScriptedGroup): Reply {
  const partitions = [...group.offsets].map(([partition, offset]) => {
    return { partition, offset, leaderEpoch: -1, metadata: '', committedAt: 0 };
  });
  return { json: { topics: [{ ...orders, partitions }] } };
}
