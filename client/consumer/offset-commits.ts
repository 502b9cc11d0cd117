// This file commits offsets, one request after the other: of what has been handled, or those that the application gives.
//
// Invariants: what the consumer commits on its own has been handled. `commitSeq` grows with every commit, so a delayed
// request changes nothing.

import { limits } from '../../lib/api/limits.ts';
import type { Clock } from '../../lib/runtime/clock.ts';
import { errorOfParts, isClientError, RivuletClientError } from '../client-error.ts';
import {
  bodyOf,
  type CommitIdentity,
  type CommitResult,
  type GroupApi,
  type PartitionCommit,
} from '../group/group-api.ts';
import { oneByOne, slices } from '../transport/parts.ts';
import { type RetryPolicy, retrying } from '../transport/retry.ts';
import { wholeOption } from '../whole-option.ts';
import { type AssignedPartition, offsetBounds } from './assigned-partition.ts';
import type { OffsetToCommit } from './consumer-options.ts';
import { partitionKey } from './partition-reader.ts';

/** `none`: commits are made without membership. `lost`: the consumer is not a member now, but will be. */
export type Identity = CommitIdentity | 'none' | 'lost';

export type CommitContext = {
  readonly clock: Clock;
  readonly retry: RetryPolicy;
  readonly api: GroupApi;
  /** How long a commit is retried: for a session, because after it another member owns the partitions. */
  readonly timeoutMs: number;
  readonly identity: () => Identity;
  readonly assigned: () => ReadonlyMap<string, AssignedPartition>;
};

export type OffsetCommits = {
  /** Commits what has been handled since the last commit, of these partitions or of all. Throws RivuletClientError. */
  commitProcessed(partitions?: readonly AssignedPartition[]): Promise<void>;
  /** Throws RivuletClientError if any offset fails. The others of the list may be committed all the same. */
  commit(offsets: readonly OffsetToCommit[]): Promise<void>;
  /** Returns these offsets for a transaction, which commits them in this consumer's name. Throws RivuletClientError. */
  forTransaction(offsets: readonly OffsetToCommit[]): TransactionalCommit;
};

export type TransactionalCommit = {
  readonly groupId: string;
  /** The body of the request that stages them. */
  readonly body: object;
  /** The transaction was committed: the consumer does not commit these offsets again. */
  committed(): void;
};

/** A commit with its assigned partition, if it has one, and with that partition's number of moves at the time. */
type Commit = PartitionCommit & { readonly of: AssignedPartition | undefined; readonly moves: number | undefined };

/** Refusals whose cause the next heartbeat will reveal, together with what to do about it. */
const overtaken: ReadonlySet<string> = new Set([
  'UNKNOWN_MEMBER_ID',
  'STALE_MEMBER_EPOCH',
  'FENCED_MEMBER_EPOCH',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'INCONSISTENT_TOPIC_ID',
]);

/** Whether an automatic commit may be left out: its records are then delivered again, to this consumer or to another. */
export function isPassing(error: unknown): error is RivuletClientError {
  return isClientError(error) && (error.retriable || overtaken.has(error.errorCode));
}

export function offsetCommits(context: CommitContext): OffsetCommits {
  let commitSeq = 0;
  let last: Promise<unknown> = Promise.resolve();

  /** Runs the work after all commits that were requested earlier. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  }

  async function send(commits: readonly Commit[]): Promise<void> {
    await oneByOne(slices(commits, limits.commitPartitions), async (slice) => {
      const results = await sendOnce(slice);
      for (const { commit, error } of results) if (!error) remember(commit);
      if (results.some(({ error }) => error)) throw errorOfParts(partsOf(results));
      return slice.map(placeOf);
    });
  }

  /** Sends offsets again that were refused because our epoch had grown, with the new epoch, as Kafka's consumer does. */
  async function sendOnce(commits: readonly Commit[]): Promise<CommitResult<Commit>[]> {
    const member = identified(context);
    const results = await trying(commits, member);
    const stale = results.filter(({ error }) => error?.errorCode === 'STALE_MEMBER_EPOCH').map(({ commit }) => commit);
    const now = context.identity();
    if (stale.length === 0 || !member || typeof now === 'string' || now.memberEpoch <= member.memberEpoch)
      return results;
    const again = new Map((await trying(stale, now)).map((result) => [result.commit, result]));
    return results.map((result) => again.get(result.commit) ?? result);
  }

  function trying(commits: readonly Commit[], member: CommitIdentity | undefined): Promise<CommitResult<Commit>[]> {
    const numbered = member && { ...member, commitSeq: ++commitSeq };
    const signal = AbortSignal.timeout(context.timeoutMs);
    const send = async () => {
      const results = await context.api.commit(commits, numbered);
      // The same request is repeated: offsets that it has already committed are answered as done.
      const passing = results.find(({ error }) => error?.retriable);
      if (passing) throw errorOfParts(partsOf(results), passing.error);
      return results;
    };
    return retrying(context.clock, context.retry, send, signal);
  }

  return {
    commit(offsets) {
      const commits = offsets.map((one) => commitOf(context.assigned(), one));
      return inTurn(() => send(commits));
    },
    forTransaction(offsets) {
      const commits = offsets.map((one) => commitOf(context.assigned(), one));
      const member = identified(context);
      const numbered = member && { ...member, commitSeq: ++commitSeq };
      const { groupId } = context.api;
      return { groupId, body: bodyOf(commits, numbered), committed: () => commits.forEach(remember) };
    },
    commitProcessed: (partitions) => inTurn(() => send(processedOf(partitions ?? context.assigned().values()))),
  };
}

function commitOf(
  assigned: ReadonlyMap<string, AssignedPartition>,
  { topic, partition, offset, metadata }: OffsetToCommit,
): Commit {
  const whole = wholeOption('offset', offset, offsetBounds);
  const of = assigned.get(partitionKey({ topic, partition }));
  return { topic, topicId: of?.topicId, partition, offset: whole, metadata, of, moves: of?.moves };
}

function identified({ identity, api }: CommitContext): CommitIdentity | undefined {
  const found = identity();
  if (found === 'none') return undefined;
  if (found !== 'lost') return found;
  const detail = `this consumer is not a member of the group ${api.groupId} now: commit again after it has joined`;
  throw new RivuletClientError('UNKNOWN_MEMBER_ID', detail, { outcome: 'not-written' });
}

function remember({ of, moves, offset }: Commit): void {
  if (!of) return;
  of.committed = offset;
  // The application may commit more than we know to be handled, and no later commit of ours goes back behind that. A commit
  // beyond the position, or from before a move, is about other records.
  if (of.moves === moves && offset <= (of.position ?? -1)) of.processed = Math.max(of.processed ?? 0, offset);
}

function processedOf(partitions: Iterable<AssignedPartition>): Commit[] {
  return [...partitions].flatMap((of) => {
    const { topic, topicId, partition, processed, committed, moves } = of;
    if (processed === undefined || processed === committed) return [];
    return [{ topic, topicId, partition, offset: processed, of, moves }];
  });
}

function partsOf(results: readonly CommitResult<Commit>[]) {
  return results.map(({ commit, error }) => error?.with(placeOf(commit)) ?? placeOf(commit));
}

function placeOf({ topic, partition, offset }: PartitionCommit) {
  return { topic, partition, offset };
}
