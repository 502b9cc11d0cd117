// The requests of one group: heartbeats, commits, and what is committed.
import type { AssignedPartition, CommittedOffsets } from './assigned-partition.ts';
import { errorOfProblem, isClientError, type RivuletClientError } from './client-error.ts';
import { type Answer, type Connection, errorOfAnswer } from './connection.ts';
import type { HeartbeatReply } from './membership.ts';
import { paths } from './paths.ts';

export type PartitionCommit = {
  readonly topic: string;
  readonly topicId?: string | undefined;
  readonly partition: number;
  /** Of the next message to be read. */
  readonly offset: number;
  readonly metadata?: string | undefined;
};

export type CommitIdentity = { readonly memberId: string; readonly memberEpoch: number };

export type CommitResult = { readonly commit: PartitionCommit; readonly error: RivuletClientError | undefined };

export type CommittedOffset = {
  readonly topic: string;
  readonly partition: number;
  /** -1: nothing is committed. */
  readonly offset: number;
  readonly metadata: string;
};

export type GroupApi = {
  readonly groupId: string;
  heartbeat(body: object, timeoutMs: number, signal: AbortSignal): Promise<HeartbeatReply>;
  /** One try. Throws when the whole of it failed; what failed of it is in the results. */
  commit(
    commits: readonly PartitionCommit[],
    member: (CommitIdentity & { commitSeq: number }) | undefined,
  ): Promise<CommitResult[]>;
  /** Those of a topic, or all. */
  committed(topic?: string): Promise<CommittedOffset[]>;
  readonly committedOffsets: CommittedOffsets;
};

type Results = {
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly error?: unknown }[];
  }[];
};

type Committed = {
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly offset: number;
      readonly metadata: string;
      readonly error?: unknown;
    }[];
  }[];
};

export function groupApi(connection: Connection, groupId: string): GroupApi {
  const path = paths.groupOffsets(groupId);

  async function committed(
    query: Record<string, string | undefined>,
    signal?: AbortSignal,
  ): Promise<CommittedOffset[]> {
    try {
      return rowsOf(await connection.ask<Committed>({ method: 'GET', path, query, writes: false, signal }));
    } catch (error) {
      if (isClientError(error) && error.errorCode === 'GROUP_ID_NOT_FOUND') return [];
      throw error;
    }
  }

  return {
    groupId,
    heartbeat: (body, timeoutMs, signal) =>
      connection.ask({ method: 'POST', path: paths.heartbeat(groupId), body, writes: true, timeoutMs, signal }),
    async commit(commits, member) {
      const body = { ...member, topics: nested(commits) };
      return resultsOf(commits, await connection.exchange({ method: 'POST', path, body, writes: true }));
    },
    committed: (topic) => committed({ topic }),
    async committedOffsets(topic, partitions, signal) {
      const rows = await committed({ topic, topicId: partitions[0]?.topicId, partitions: rangeOf(partitions) }, signal);
      return new Map(rows.filter(({ offset }) => offset >= 0).map(({ partition, offset }) => [partition, offset]));
    },
  };
}

function rangeOf(partitions: readonly AssignedPartition[]): string {
  const numbers = partitions.map(({ partition }) => partition);
  return `${Math.min(...numbers)}-${Math.max(...numbers)}`;
}

function rowsOf({ topics }: Committed): CommittedOffset[] {
  return topics.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, offset, metadata, error }) => {
      const problem = errorOfProblem(error, { topic, partition });
      if (problem) throw problem;
      return { topic, partition, offset, metadata };
    }),
  );
}

function nested(commits: readonly PartitionCommit[]): object[] {
  return [...Map.groupBy(commits, ({ topic }) => topic)].map(([topic, of]) => ({
    topic,
    topicId: of[0]!.topicId,
    partitions: of.map(({ partition, offset, metadata }) => ({ partition, offset, metadata })),
  }));
}

/** An answer of 300 and more may still have a result for each partition. */
function resultsOf(commits: readonly PartitionCommit[], answer: Answer): CommitResult[] {
  const results = parsed(answer.body);
  if (!results) throw errorOfAnswer(answer, true);
  const errors = new Map(
    results.topics.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, error }) => [
        `${topic}/${partition}`,
        errorOfProblem(error, { topic, partition, status: answer.status }),
      ]),
    ),
  );
  return commits.map((commit) => ({ commit, error: errors.get(`${commit.topic}/${commit.partition}`) }));
}

function parsed(body: Buffer): Results | undefined {
  try {
    const results = JSON.parse(body.toString()) as Partial<Results>;
    return Array.isArray(results.topics) ? (results as Results) : undefined;
  } catch {
    return undefined;
  }
}
