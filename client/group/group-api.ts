// This file sends the requests of one group: heartbeats, commits, and reads of the committed offsets.

import type { HeartbeatReply } from '../../lib/api/groups.ts';
import { isClientError, RivuletClientError } from '../client-error.ts';
import { grouped } from '../grouped.ts';
import type { Answer, Connection } from '../transport/connection.ts';
import { rangesOf } from '../transport/partition-ranges.ts';
import { paths } from '../transport/paths.ts';
import { allDone, everyPage, topicResults } from '../transport/topic-results.ts';

export type PartitionCommit = {
  readonly topic: string;
  readonly topicId?: string | undefined;
  readonly partition: number;
  /** The offset of the next message to be read. */
  readonly offset: number;
  readonly metadata?: string | undefined;
};

export type CommitIdentity = { readonly memberId: string; readonly memberEpoch: number };

export type CommitResult<Commit> = { readonly commit: Commit; readonly error: RivuletClientError | undefined };

export type CommittedOffset = {
  readonly topic: string;
  readonly partition: number;
  /** -1 means that nothing is committed. */
  readonly offset: number;
  readonly metadata: string;
};

type Named = { readonly partition: number; readonly topicId: string | undefined };

/** Returns the committed offsets of these partitions of a topic. It leaves out a partition that has none. */
export type CommittedOffsets = (
  topic: string,
  partitions: readonly Named[],
  signal: AbortSignal,
) => Promise<ReadonlyMap<number, number>>;

export type GroupApi = {
  readonly groupId: string;
  heartbeat(body: object, timeoutMs: number, signal: AbortSignal): Promise<HeartbeatReply>;
  /** Tries once. Throws when the whole request failed. The results hold the errors of single partitions. */
  commit<Commit extends PartitionCommit>(
    commits: readonly Commit[],
    member: (CommitIdentity & { commitSeq: number }) | undefined,
  ): Promise<CommitResult<Commit>[]>;
  /** Returns the committed offsets of one topic, or of all. */
  committed(topic?: string): Promise<CommittedOffset[]>;
  readonly committedOffsets: CommittedOffsets;
};

type CommittedRow = { readonly partition: number; readonly offset: number; readonly metadata: string };

export function groupApi(connection: Connection, groupId: string): GroupApi {
  const path = paths.groupOffsets(groupId);

  async function committed(
    query: Record<string, string | undefined>,
    signal?: AbortSignal,
  ): Promise<CommittedOffset[]> {
    try {
      const page = (after: string | undefined) =>
        connection.exchange({ method: 'GET', path, query: { ...query, after }, writes: false, signal });
      return allDone(await everyPage<CommittedRow>(page)).map(({ topic, result }) => {
        const { partition, offset, metadata } = result;
        return { topic, partition, offset, metadata };
      });
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
      const body = bodyOf(commits, member);
      return resultsOf(commits, await connection.exchange({ method: 'POST', path, body, writes: true }));
    },
    committed: (topic) => committed({ topic }),
    async committedOffsets(topic, partitions, signal) {
      const topicId = partitions[0]?.topicId;
      const rows: CommittedOffset[] = [];
      for (const range of rangesOf(partitions.map(({ partition }) => partition)))
        rows.push(...(await committed({ topic, topicId, partitions: range }, signal)));
      return new Map(rows.filter(({ offset }) => offset >= 0).map(({ partition, offset }) => [partition, offset]));
    },
  };
}

/** The body of a commit. */
export const bodyOf = (
  commits: readonly PartitionCommit[],
  member: (CommitIdentity & { commitSeq: number }) | undefined,
): object => ({ ...member, topics: nested(commits) });

function nested(commits: readonly PartitionCommit[]): object[] {
  return [...grouped(commits, ({ topic }) => topic)].map(([topic, of]) => ({
    topic,
    topicId: of[0]!.topicId,
    partitions: of.map(({ partition, offset, metadata }) => ({ partition, offset, metadata })),
  }));
}

function resultsOf<Commit extends PartitionCommit>(commits: readonly Commit[], answer: Answer): CommitResult<Commit>[] {
  const results = new Map(
    topicResults(answer, true).map(({ topic, partition, result }) => [`${topic}/${partition}`, result]),
  );
  return commits.map((commit) => {
    const { topic, partition } = commit;
    const result = results.get(`${topic}/${partition}`) ?? leftOut(answer, topic, partition);
    return { commit, error: isClientError(result) ? result : undefined };
  });
}

function leftOut({ status }: Answer, topic: string, partition: number): RivuletClientError {
  return new RivuletClientError(
    'GATEWAY_ERROR',
    `the answer (HTTP ${status}) leaves out ${topic} partition ${partition}`,
    {
      ...{ status, topic, partition },
      retriable: true,
      outcome: 'unknown',
    },
  );
}
